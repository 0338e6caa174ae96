"""What goes over the wire."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, EmailStr, Field

from agent.state import Reason, Reply, Source
from api.storage.sites import Look


def _refuse_nul(text: str) -> str:
    if "\x00" in text:
        raise ValueError("the character NUL cannot be stored")  # PostgreSQL has no place for it
    return text


def _refuse_blank(text: str) -> str:
    if not text.strip():
        raise ValueError("there is nothing in it")
    return text


Plain = Annotated[str, AfterValidator(_refuse_nul)]
Token = Annotated[str, Field(pattern=r"^[A-Za-z0-9._:-]+$", min_length=1, max_length=128)]


class Wire(BaseModel):
    """A body: frozen, and without fields that nobody knows."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class NewConversation(Wire):
    """Who begins a conversation: on which site, as whom; anonymous by default.

    `key` is the site's; `user_token` what the site signed for a customer who is logged in.
    """

    key: Token | None = None
    user_token: Annotated[str, Field(max_length=4096)] | None = None
    visitor: Annotated[Token, Field(max_length=64)] | None = None
    locale: Annotated[str, Field(pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$", max_length=16)] | (
        None
    ) = None


class NewUser(Wire):
    """Who the customer is, now that they have logged in."""

    user_token: Annotated[str, Field(max_length=4096)]


class SiteView(Wire):
    """How the widget looks on a site, and the locales that it speaks."""

    name: str
    look: Look
    locales: list[str]


class StartedConversation(Wire):
    """A new conversation, and the token that whoever holds it owns it by."""

    conversation_id: str
    token: str


class NewMessage(Wire):
    """What the customer says. The same `message_id` again is the same message, not another."""

    text: Annotated[Plain, AfterValidator(_refuse_blank)] = Field(
        examples=["I cancelled yesterday, when does my money come back to my card?"]
    )
    message_id: Token | None = None
    wish: Literal["person"] | None = Field(
        None, description="`person`: a person is wanted, whatever the words."
    )


class NewEmail(Wire):
    """Where a person can write to once they are there."""

    email: EmailStr


class NewRating(Wire):
    """What the customer thinks of a reply."""

    helpful: bool
    comment: Plain | None = Field(None, max_length=2000)


class TurnView(Wire):
    """A message and what it came to; `reply` is null while it is pending."""

    turn_id: str
    question: str
    status: Literal["pending", "done"]
    created_at: datetime
    reply: Reply | None
    rating: NewRating | None


class PersonMessageView(Wire):
    """What a person wrote."""

    message_id: str
    text: str
    name: str
    sources: list[Source]
    created_at: datetime


class HandoffView(Wire):
    """A hand-off that is open; `attended` says whether somebody is at the desk."""

    state: Literal["waiting", "taken"]
    reason: Reason
    name: str | None
    attended: bool
    emailed: bool


class ConversationView(Wire):
    """A conversation: turns and persons' messages, each oldest first.

    `handoff` is null while the agent has it; `latest` is where to follow it live from.
    """

    conversation_id: str
    started_at: datetime
    turns: list[TurnView]
    messages: list[PersonMessageView]
    handoff: HandoffView | None
    latest: int


class InvalidField(Wire):
    """Where a request is wrong, and how; never what stood there."""

    field: str
    message: str


class Problem(Wire):
    """An error (RFC 9457), with our two extensions."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    retry_after_s: int | None = None
    errors: list[InvalidField] | None = None


class Health(Wire):
    """The process is alive."""

    status: Literal["ok"] = "ok"


class Readiness(Wire):
    """Whether questions can be answered, and what each check says."""

    ready: bool
    checks: dict[str, str]
