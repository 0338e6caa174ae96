"""What persons chose for tickets that triage was unsure of: new training data."""

from collections.abc import Callable, Mapping
from datetime import datetime

from sqlalchemy import Engine, delete, insert, select

from api.storage.database import read_from, write_to
from api.storage.desk_tables import settlements

Choices = dict[str, str]


class Settlements:
    """Keeps a category by job, row and label; each method is one transaction and blocks."""

    def __init__(
        self, engine: Engine, now: Callable[[], datetime], new_id: Callable[[], str]
    ) -> None:
        self._engine = engine
        self._now = now
        self._new_id = new_id

    def settle(
        self, job_id: str, row: int, text: str, chosen: Mapping[str, str], staff_id: str
    ) -> None:
        """Keep what somebody chose for a row; what was chosen before is replaced."""
        base = {"job_id": job_id, "row": row, "text": text, "staff_id": staff_id}
        with write_to(self._engine) as connection:
            for label, value in chosen.items():
                same = (
                    settlements.c.job_id == job_id,
                    settlements.c.row == row,
                    settlements.c.label == label,
                )
                connection.execute(delete(settlements).where(*same))
                told = {"id": self._new_id(), "label": label, "value": value}
                connection.execute(
                    insert(settlements).values(**base, **told, created_at=self._now())
                )

    def list_rows(self, job_id: str) -> dict[int, Choices]:
        """Return what was chosen, by row."""
        wanted = select(settlements).where(settlements.c.job_id == job_id)
        found: dict[int, Choices] = {}
        with read_from(self._engine) as connection:
            for row in connection.execute(wanted):
                found.setdefault(row.row, {})[row.label] = row.value
        return found

    def list_tickets(self) -> list[tuple[str, Choices]]:
        """Return all tickets that were settled, with what was chosen for them, oldest first."""
        wanted = select(settlements).order_by(settlements.c.created_at, settlements.c.id)
        found: dict[tuple[str, int], tuple[str, Choices]] = {}
        with read_from(self._engine) as connection:
            for row in connection.execute(wanted):
                found.setdefault((row.job_id, row.row), (row.text, {}))[1][row.label] = row.value
        return list(found.values())
