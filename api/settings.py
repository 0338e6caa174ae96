"""Settings: the only reader of the environment."""

import difflib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from limits import parse_many
from pydantic import AliasChoices, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

PREFIX = "FRONTDESK_"


class SettingsError(Exception):
    """A setting is wrong; the message names it and says what to do."""


def _also(name: str, plain: str) -> AliasChoices:
    # The first is the one that documentation names; the plain one is what hosting platforms set.
    return AliasChoices(PREFIX + name, plain, plain.lower())


class Settings(BaseSettings):
    """All that can be set, each by the variable FRONTDESK_ and its name in capitals."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        frozen=True,
        extra="forbid",
        populate_by_name=True,
        protected_namespaces=(),
    )

    data: Path = Field(
        default=Path("data"), description="Folder of the database, index and secret."
    )
    cache: Path = Field(
        default=Path("~/.cache/frontdesk"), description="Folder of models and built wheels, shared."
    )
    host: str = Field(default="127.0.0.1", description="Address to listen on.")
    port: int = Field(
        default=8000, ge=0, le=65535, description="Port to listen on; 0 takes a free one."
    )
    database_url: SecretStr | None = Field(
        default=None,
        validation_alias=_also("DATABASE_URL", "DATABASE_URL"),
        description="SQLite or PostgreSQL URL; `frontdesk.sqlite` in the data folder if absent.",
    )
    model: str = Field(
        default="qwen2.5-coder-1.5b-instruct",
        description="The embedded model, by its catalogue name.",
    )
    small_model: str = Field(
        default="",
        description="A second embedded model, for small work; empty for none.",
    )
    model_url: str | None = Field(
        default=None,
        validation_alias=_also("MODEL_URL", "MODEL_URL"),
        description="Base URL of an OpenAI-compatible server, used instead of the embedded model.",
    )
    model_name: str | None = Field(default=None, description="The model's name at that server.")
    model_key: SecretStr | None = Field(default=None, description="The key that server asks for.")
    embedder: str = Field(
        default="all-MiniLM-L6-v2", description="The embedding model, by its name."
    )
    triage_embedder: str = Field(
        default="all-mpnet-base-v2",
        description="Larger embedding model for tickets that triage doubts; empty for none.",
    )
    triage_model: bool = Field(
        default=False,
        description="Whether the service asks the language model about tickets that triage doubts.",
    )
    threads: int = Field(
        default=2, ge=1, le=256, description="Threads the embedded model computes on."
    )
    context_tokens: int = Field(
        default=4096,
        ge=1024,
        le=131072,
        description="Tokens a prompt and its answer may have together.",
    )
    sequences: int = Field(
        default=8, ge=1, le=64, description="Requests the embedded model works on at once."
    )
    cells: int = Field(
        default=12_288,
        ge=1024,
        le=1_048_576,
        description="Tokens that these requests may have together.",
    )
    prefix_mib: int = Field(
        default=512,
        ge=0,
        le=1_048_576,
        description="MiB of memory for the states of earlier prompts.",
    )
    prefix_disk_mib: int = Field(
        default=256,
        ge=0,
        le=1_048_576,
        description="MiB of disk for the states of what many prompts begin with.",
    )
    seed: int = Field(
        default=0, ge=0, le=2**32 - 1, description="Seed that is given with each generation."
    )
    secret: SecretStr | None = Field(
        default=None,
        min_length=32,
        description="Key that signs tokens, 32 characters or more; in the data folder if absent.",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="Least level of what is logged."
    )
    shutdown_timeout_s: int = Field(
        default=10, ge=0, le=600, description="Seconds that running turns have to end at shutdown."
    )
    max_message_chars: int = Field(
        default=4000, ge=1, le=100_000, description="Longest customer message, in characters."
    )
    company: str = Field(
        default="Larkstay", min_length=1, description="The company's name in replies."
    )

    limit_starts: str = Field(
        default="20/minute;200/hour",
        description="Conversations that may be started from one address.",
    )
    limit_messages: str = Field(
        default="20/minute;200/hour",
        description="Messages in one conversation; ten times as many from one address.",
    )
    limit_others: str = Field(
        default="600/minute", description="All other requests of clients from one address."
    )
    limit_storage_url: SecretStr | None = Field(
        default=None,
        description="Redis URL to count in, where several servers share the limits.",
    )
    behind_proxy: bool = Field(
        default=False,
        description="A proxy stands before the server; its X-Forwarded-For names the client.",
    )
    panel_origins: str = Field(
        default="",
        pattern=r"^\s*(https?://[A-Za-z0-9.:\[\]-]+(\s+|$))*$",
        description="Origins of help desks that may show the panel in an iframe, blanks between.",
    )
    demo: bool = Field(
        default=False,
        description="Serve `/demo`: website and desk side by side, without log-in.",
    )

    article_url: str | None = Field(
        default=None,
        pattern=r"^https?://[^\s]*\{id\}[^\s]*$",
        description="Address of an article on the help site, `{id}` standing for its id.",
    )
    open_interop: bool = Field(
        default=False,
        description="Whether programs on this machine need no key until the first one is made.",
    )
    interop_hosts: str = Field(
        default="", description="Host names that MCP clients call the service by, with commas."
    )

    @field_validator("limit_starts", "limit_messages", "limit_others")
    @classmethod
    def _check_limit(cls, value: str) -> str:
        parse_many(value)  # raises ValueError
        return value

    resolved_after_h: int = Field(
        default=24,
        ge=1,
        le=336,
        description="Hours of quiet after which an answered conversation counts as resolved.",
    )
    webhook_http: bool = Field(
        default=False,
        description="Let webhooks point to other machines over http://, unencrypted.",
    )

    zendesk_secret: SecretStr | None = Field(
        default=None, description="Signing secret of Zendesk's webhook that sends tickets."
    )
    chatwoot_secret: SecretStr | None = Field(
        default=None, description="Secret of Chatwoot's webhook that sends tickets."
    )
    zammad_secret: SecretStr | None = Field(
        default=None, description="HMAC SHA1 signature token of Zammad's webhook."
    )

    def find_inbound_secret(self, desk: str) -> str | None:
        """Return the secret that a help desk signs its webhooks with, None if none is set."""
        secrets = {
            "zendesk": self.zendesk_secret,
            "chatwoot": self.chatwoot_secret,
            "zammad": self.zammad_secret,
        }
        secret = secrets[desk]
        return secret.get_secret_value() if secret else None

    @property
    def panel_list(self) -> list[str]:
        """The origins of help desks that may show the panel."""
        return self.panel_origins.split()

    @property
    def database(self) -> str:
        """The database's URL, with its password if it has one: not for logs."""
        if self.database_url is not None:
            return self.database_url.get_secret_value()
        return f"sqlite:///{self.data / 'frontdesk.sqlite'}"

    @property
    def index_root(self) -> Path:
        """The folder of the search index."""
        return self.data / "index"


def read_settings(**overrides: Any) -> Settings:  # noqa: ANN401 - pydantic checks each value
    """Read the environment; overrides that are not None come before it.

    Raises SettingsError, which names the variable and says what to do.
    """
    _refuse_unknown(os.environ)
    given = {name: value for name, value in overrides.items() if value is not None}
    try:
        settings = Settings(**given)
    except ValidationError as error:
        raise SettingsError(_explain(error)) from None  # its text would show the values
    return settings.model_copy(
        update={"data": settings.data.expanduser(), "cache": settings.cache.expanduser()}
    )


def list_variables() -> dict[str, str]:
    """Return the name of each setting's variable and its description."""
    fields = Settings.model_fields.items()
    return {PREFIX + name.upper(): field.description or "" for name, field in fields}


def _refuse_unknown(environment: Mapping[str, str]) -> None:
    known = list_variables()
    for name in sorted(environment):
        if name.upper().startswith(PREFIX) and name.upper() not in known:
            near = difflib.get_close_matches(name.upper(), known, 1)
            hint = f"Did you mean {near[0]}?" if near else "docs/configuration.md lists them all."
            raise SettingsError(f"There is no setting {name}. {hint}")


def _explain(error: ValidationError) -> str:
    lines = [f"{_name(item['loc'])}: {item['msg']}." for item in error.errors(include_input=False)]
    return "\n".join(lines)


def _name(location: tuple[int | str, ...]) -> str:
    first = str(location[0]) if location else ""
    return PREFIX + first.upper() if first in Settings.model_fields else first
