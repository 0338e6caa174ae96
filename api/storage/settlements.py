"""What persons chose for tickets that triage was unsure of: new training data."""

from collections.abc import Callable, Mapping
from datetime import datetime

from sqlalchemy import Engine, select
from sqlalchemy.dialects import postgresql, sqlite

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
        """Keep what somebody chose for a row, empty where nothing fits; the last choice counts."""
        base = {"job_id": job_id, "row": row, "text": text}
        dialect = postgresql if self._engine.dialect.name == "postgresql" else sqlite
        with write_to(self._engine) as connection:
            for label, value in chosen.items():
                made = {"value": value, "staff_id": staff_id, "created_at": self._now()}
                connection.execute(
                    dialect.insert(settlements)
                    .values(**base, **made, id=self._new_id(), label=label)
                    .on_conflict_do_update(index_elements=["job_id", "row", "label"], set_=made)
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
        """Return the tickets that something fits, with what was chosen for them, oldest first."""
        said = select(settlements).where(settlements.c.value != "")
        wanted = said.order_by(settlements.c.created_at, settlements.c.id)
        found: dict[tuple[str, int], tuple[str, Choices]] = {}
        with read_from(self._engine) as connection:
            for row in connection.execute(wanted):
                found.setdefault((row.job_id, row.row), (row.text, {}))[1][row.label] = row.value
        return list(found.values())
