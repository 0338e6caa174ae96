"""Staff: who works at the desk, their passwords and sessions.

StaffError
├── EmailTaken   somebody has this address already
└── StaffUnknown there is nobody with this address
"""

import hashlib
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError
from sqlalchemy import Connection, Engine, Row, delete, insert, select, update

from api.storage.database import read_from, write_to
from api.storage.desk_tables import staff, staff_sessions

SESSION = timedelta(hours=12)
Role = Literal["agent", "admin"]


class StaffError(Exception):
    """Something that can't be done with staff; the message says why."""


class EmailTaken(StaffError):  # noqa: N818 - it reads as what happened
    """Somebody has this address already."""


class StaffUnknown(StaffError):  # noqa: N818
    """There is nobody with this address."""


@dataclass(frozen=True, slots=True)
class Member:
    """A member of staff; `admin`s also see to sites and articles."""

    id: str
    email: str
    name: str
    role: Role
    created_at: datetime
    disabled_at: datetime | None


@dataclass(frozen=True, slots=True)
class Session:
    """A log-in that holds; forms of its pages have to carry `csrf`."""

    id: str
    member: Member
    csrf: str


class Staff:
    """Keeps staff and their sessions. Each method is one transaction and blocks.

    A session's token is known to the cookie only; what is stored is its hash.
    """

    def __init__(
        self,
        engine: Engine,
        now: Callable[[], datetime],
        new_id: Callable[[], str],
        hasher: PasswordHasher | None = None,
    ) -> None:
        self._engine = engine
        self._now = now
        self._new_id = new_id
        self._hasher = hasher or PasswordHasher()

    def add(self, email: str, name: str, password: str, role: Role) -> Member:
        """Add somebody; raises EmailTaken."""
        row = {
            "id": self._new_id(),
            "email": email.lower(),
            "name": name,
            "password_hash": self._hasher.hash(password),
            "role": role,
            "created_at": self._now(),
        }
        with write_to(self._engine) as connection:
            if _find(connection, email) is not None:
                raise EmailTaken(f"There is somebody with the address {email} already.")
            connection.execute(insert(staff).values(row))
            return _read(_require(connection, email))

    def everybody(self) -> Sequence[Member]:
        """Return all, by name."""
        with read_from(self._engine) as connection:
            rows = connection.execute(select(staff).order_by(staff.c.name, staff.c.email))
            return [_read(row) for row in rows]

    def disable(self, email: str) -> Member:
        """Let somebody in no more, and end their sessions; raises StaffUnknown."""
        with write_to(self._engine) as connection:
            found = _require(connection, email)
            _end_sessions(connection, found.id)
            own = staff.c.id == found.id
            connection.execute(update(staff).where(own).values(disabled_at=self._now()))
            return _read(_require(connection, email))

    def set_password(self, email: str, password: str) -> Member:
        """Change a password, end the sessions, let a disabled one in again; raises StaffUnknown."""
        hashed = self._hasher.hash(password)
        with write_to(self._engine) as connection:
            found = _require(connection, email)
            _end_sessions(connection, found.id)
            own = staff.c.id == found.id
            connection.execute(
                update(staff).where(own).values(password_hash=hashed, disabled_at=None)
            )
            return _read(_require(connection, email))

    def check(self, email: str, password: str) -> Member | None:
        """Return who has this address and password, None if nobody does.

        It takes as long whether or not there is such an address.
        """
        with read_from(self._engine) as connection:
            found = _find(connection, email)
        if found is None or found.disabled_at is not None:
            self._hasher.hash(password)
            return None
        try:
            self._hasher.verify(found.password_hash, password)
        except VerifyMismatchError:
            return None
        return _read(found)

    def begin_session(self, staff_id: str) -> str:
        """Log somebody in; return the token for their cookie, good for 12 hours."""
        token, now = secrets.token_urlsafe(32), self._now()
        row = {
            "id": _hash(token),
            "staff_id": staff_id,
            "created_at": now,
            "expires_at": now + SESSION,
            "seen_at": now,
        }
        with write_to(self._engine) as connection:
            connection.execute(delete(staff_sessions).where(staff_sessions.c.expires_at < now))
            connection.execute(insert(staff_sessions).values(row))
        return token

    def find_session(self, token: str) -> Session | None:
        """Return the session of a cookie, None if it has ended."""
        wanted = select(staff).join(staff_sessions).where(
            staff_sessions.c.id == _hash(token),
            staff_sessions.c.expires_at > self._now(),
            staff.c.disabled_at.is_(None),
        )  # fmt: skip
        with read_from(self._engine) as connection:
            row = connection.execute(wanted).first()
        return Session(_hash(token), _read(row), _hash(f"csrf:{token}")) if row else None

    def see(self, session_id: str) -> None:
        """Note that somebody is at the desk now."""
        own = staff_sessions.c.id == session_id
        with write_to(self._engine) as connection:
            connection.execute(update(staff_sessions).where(own).values(seen_at=self._now()))

    def end_session(self, session_id: str) -> None:
        """Log somebody out."""
        with write_to(self._engine) as connection:
            connection.execute(delete(staff_sessions).where(staff_sessions.c.id == session_id))


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _find(connection: Connection, email: str) -> Row[Any] | None:
    return connection.execute(select(staff).where(staff.c.email == email.lower())).first()


def _require(connection: Connection, email: str) -> Row[Any]:
    found = _find(connection, email)
    if found is None:
        raise StaffUnknown(f"There is nobody with the address {email}.")
    return found


def _end_sessions(connection: Connection, staff_id: str) -> None:
    connection.execute(delete(staff_sessions).where(staff_sessions.c.staff_id == staff_id))


def _read(row: Row[Any]) -> Member:
    return Member(row.id, row.email, row.name, row.role, row.created_at, row.disabled_at)
