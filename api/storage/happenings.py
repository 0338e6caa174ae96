"""Happenings: what went on in conversations, in order, for whoever follows them live."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, func, insert, select

from api.storage.database import read_from
from api.storage.desk_tables import happenings

ASKED = "asked"
REPLIED = "replied"
WAITING = "waiting"
PREPARED = "prepared"
TAKEN = "taken"
MESSAGE = "message"
RETURNED = "returned"
CLOSED = "closed"
EMAILED = "emailed"
RATED = "rated"

# As the migrations' lock, but another number.
ORDER_LOCK = 7_273_002


@dataclass(frozen=True, slots=True)
class Happening:
    """One thing that happened in a conversation; later ones have larger ids."""

    id: int
    conversation_id: str
    kind: str
    data: dict[str, Any]
    created_at: datetime


def put(
    connection: Connection, conversation_id: str, kind: str, data: dict[str, Any], now: datetime
) -> None:
    """Add a happening in the transaction of what it tells of."""
    if connection.dialect.name == "postgresql":
        # Else a later id could be committed, and read, before an earlier one.
        connection.execute(select(func.pg_advisory_xact_lock(ORDER_LOCK)))
    row = {"conversation_id": conversation_id, "kind": kind, "data": data, "created_at": now}
    connection.execute(insert(happenings).values(row))


class Happenings:
    """Reads happenings. Each method is one transaction and blocks: call it in a thread."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def since(self, conversation_id: str | None, after: int, limit: int = 100) -> list[Happening]:
        """Return at most `limit` that came after the id `after`, of one conversation or of all."""
        wanted = select(happenings).where(happenings.c.id > after).order_by(happenings.c.id)
        if conversation_id is not None:
            wanted = wanted.where(happenings.c.conversation_id == conversation_id)
        with read_from(self._engine) as connection:
            return [Happening(**row) for row in connection.execute(wanted.limit(limit)).mappings()]

    def latest(self, conversation_id: str | None = None) -> int:
        """Return the id of the last one, 0 if there is none."""
        wanted = select(func.max(happenings.c.id))
        if conversation_id is not None:
            wanted = wanted.where(happenings.c.conversation_id == conversation_id)
        with read_from(self._engine) as connection:
            return connection.scalar(wanted) or 0
