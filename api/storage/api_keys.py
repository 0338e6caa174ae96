"""Keys of programs: made once, shown once; only their hashes are kept.

ApiKeyError
├── KeyNameTaken  a key of this name is in use; take another name, or revoke it first
├── KeyNotFound   there is no key of this name that is in use
└── KeyRefused    the caller has to send a key that is in use; the message says how to make one
"""

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, Row, Select, exists, insert, or_, select, update

from api.storage.database import read_from, write_to
from api.storage.desk_tables import api_keys

PREFIX = "fdk_"
RANDOM_BYTES = 32
# A busy program would otherwise write with every request.
NOTED_EVERY = timedelta(minutes=1)


class ApiKeyError(Exception):
    """Something is the matter with a key."""


class KeyNameTaken(ApiKeyError):  # noqa: N818 - it reads as what happened
    """A key of this name is in use."""


class KeyNotFound(ApiKeyError):  # noqa: N818
    """There is no key of this name that is in use."""


class KeyRefused(ApiKeyError):  # noqa: N818
    """The request has no key that is in use."""


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key as it is kept: who may use it is not in it. `audience` is what it may read."""

    id: str
    name: str
    audience: str
    created_at: datetime
    last_used_at: datetime | None = None
    revoked_at: datetime | None = None


def make_key() -> str:
    """Return a key that nobody can guess: `fdk_` and 256 random bits."""
    return PREFIX + secrets.token_urlsafe(RANDOM_BYTES)


class ApiKeys:
    """Keeps the keys of programs; each method is one transaction and blocks."""

    def __init__(
        self,
        engine: Engine,
        now: Callable[[], datetime],
        new_id: Callable[[], str],
        new_key: Callable[[], str] = make_key,
    ) -> None:
        self._engine = engine
        self._now = now
        self._new_id = new_id
        self._new_key = new_key

    def add(self, name: str, audience: str) -> tuple[ApiKey, str]:
        """Make a key and return it with its secret, which is nowhere else; raises KeyNameTaken."""
        made, secret = ApiKey(self._new_id(), name, audience, self._now()), self._new_key()
        with write_to(self._engine) as connection:
            if connection.execute(_select_used().where(api_keys.c.name == name)).first():
                raise KeyNameTaken(f"There is a key {name} already; `frontdesk key list` shows it.")
            connection.execute(
                insert(api_keys).values(
                    id=made.id,
                    name=name,
                    hash=_hash(secret),
                    audience=audience,
                    created_at=made.created_at,
                )
            )
        return made, secret

    def all(self) -> list[ApiKey]:
        """Return every key that was ever made, oldest first."""
        ordered = _select().order_by(api_keys.c.created_at, api_keys.c.id)
        with read_from(self._engine) as connection:
            return [_read(row) for row in connection.execute(ordered)]

    def any_made(self) -> bool:
        """Whether a key was ever made, revoked ones included."""
        with read_from(self._engine) as connection:
            return bool(connection.scalar(select(exists().select_from(api_keys))))

    def revoke(self, name: str) -> None:
        """End the use of a key from its next request on; raises KeyNotFound."""
        with write_to(self._engine) as connection:
            ended = connection.execute(
                update(api_keys)
                .where(api_keys.c.name == name, api_keys.c.revoked_at.is_(None))
                .values(revoked_at=self._now())
            )
        if not ended.rowcount:
            raise KeyNotFound(
                f"No key {name} is in use; `frontdesk key list` shows those that are."
            )

    def check(self, secret: str) -> ApiKey:
        """Return the key in use that the secret belongs to, noting its use; raises KeyRefused."""
        with read_from(self._engine) as connection:
            row = connection.execute(
                _select_used().where(api_keys.c.hash == _hash(secret))
            ).one_or_none()
        if row is None:
            raise KeyRefused(
                "This key is not known, or was revoked; `frontdesk key add NAME` makes another."
            )
        key, now = _read(row), self._now()
        if key.last_used_at is None or now - key.last_used_at >= NOTED_EVERY:
            with write_to(self._engine) as connection:
                _note_use(connection, key.id, now)
        return key


def _note_use(connection: Connection, key_id: str, now: datetime) -> None:
    noted = api_keys.c.last_used_at
    connection.execute(
        update(api_keys)
        .where(api_keys.c.id == key_id, or_(noted.is_(None), noted <= now - NOTED_EVERY))
        .values(last_used_at=now)
    )


def _hash(secret: str) -> str:
    # A plain hash does: 256 random bits can't be guessed from it, however fast it is.
    return hashlib.sha256(secret.encode()).hexdigest()


def _select() -> Select[Any]:
    columns = api_keys.c
    return select(
        columns.id,
        columns.name,
        columns.audience,
        columns.created_at,
        columns.last_used_at,
        columns.revoked_at,
    )


def _select_used() -> Select[Any]:
    return _select().where(api_keys.c.revoked_at.is_(None))


def _read(row: Row[Any]) -> ApiKey:
    return ApiKey(**row._mapping)  # noqa: SLF001 - SQLAlchemy documents it as public
