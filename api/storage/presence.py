"""Presence: whether somebody is at the desk."""

from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import Engine, select

from api.storage.database import read_from
from api.storage.desk_tables import staff, staff_sessions

SEEN_WITHIN = timedelta(minutes=2)


class Presence:
    """Reads who was seen at the desk; blocks: call it in a thread."""

    def __init__(self, engine: Engine, now: Callable[[], datetime]) -> None:
        self._engine = engine
        self._now = now

    def is_attended(self) -> bool:
        """Return whether a member of staff was seen within two minutes."""
        now = self._now()
        seen = select(staff_sessions.c.id).join(staff).where(
            staff_sessions.c.seen_at > now - SEEN_WITHIN,
            staff_sessions.c.expires_at > now,
            staff.c.disabled_at.is_(None),
        )  # fmt: skip
        with read_from(self._engine) as connection:
            return connection.execute(seen.limit(1)).first() is not None
