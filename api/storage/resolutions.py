"""Resolutions: conversations that the agent brought to an end without a person."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Engine, Row, Select, literal, select
from sqlalchemy.orm import aliased

from agent.state import Outcome
from api.storage.database import read_from, write_to
from api.storage.desk_tables import handoffs, outbox
from api.storage.handoffs import OPEN
from api.storage.outbox import RESOLVED, put
from api.storage.tables import ratings, replies, turns

# What is told stays in the outbox for longer than this, so that nothing is told again.
REACH = timedelta(days=30)
AT_ONCE = 200
KEY = "resolved:"


class Resolutions:
    """Finds conversations that ended well. Each method is one transaction and blocks.

    A conversation counts as resolved by the agent when its last turn was answered, nothing has
    been said for `quiet`, no person has it, and the customer did not call that reply unhelpful.
    """

    def __init__(
        self,
        engine: Engine,
        now: Callable[[], datetime],
        new_id: Callable[[], str],
        quiet: timedelta,
    ) -> None:
        self._engine = engine
        self._now = now
        self._new_id = new_id
        self._quiet = quiet

    def settle(self) -> int:
        """Put what became resolved into the outbox, once for each last turn; return how many."""
        now = self._now()
        with read_from(self._engine) as connection:
            found = connection.execute(_select(now, self._quiet)).all()
        if not found:
            return 0
        with write_to(self._engine) as connection:
            for row in found:
                payload = _tell(row)
                put(connection, RESOLVED, f"{KEY}{row.id}", payload, now, self._new_id)
        return len(found)


def _select(now: datetime, quiet: timedelta) -> Select[Any]:
    later = aliased(turns)
    followed = select(later.c.id).where(
        later.c.conversation_id == turns.c.conversation_id, later.c.position > turns.c.position
    )
    held = select(handoffs.c.id).where(
        handoffs.c.conversation_id == turns.c.conversation_id, handoffs.c.state.in_(OPEN)
    )
    disliked = select(ratings.c.turn_id).where(
        ratings.c.turn_id == turns.c.id, ratings.c.helpful.is_(False)
    )
    told = select(outbox.c.id).where(outbox.c.key == literal(KEY) + turns.c.id)
    return (
        select(turns.c.id, turns.c.conversation_id, replies.c.finished_at)
        .join_from(turns, replies)
        .where(
            replies.c.reply["outcome"].as_string() == Outcome.ANSWERED.value,
            replies.c.finished_at <= now - quiet,
            replies.c.finished_at > now - REACH,
            *(~rows.exists() for rows in (followed, held, disliked, told)),
        )
        .order_by(replies.c.finished_at)
        .limit(AT_ONCE)
    )


def _tell(row: Row[Any]) -> dict[str, str]:
    return {
        "conversation_id": row.conversation_id,
        "resolved_by": "agent",
        "at": row.finished_at.isoformat(),
    }
