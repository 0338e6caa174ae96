"""What a result left open, and the result with what persons chose since."""

import csv
import io
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from agent.triage.verdicts import Stage

DECIDED_BY_PERSON = "settled at the desk"
ROWS_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class Doubt:
    """A row that a person has to decide; `guesses` has the labels that are open."""

    row: int
    ticket_id: str
    text: str
    why: str
    needs_person: str
    guesses: dict[str, str]


def list_doubts(
    path: Path, labels: Sequence[str], settled: Collection[int], most: int, only: int | None = None
) -> list[Doubt]:
    """Return the first rows of a result that are open; `only` asks for one row."""
    found: list[Doubt] = []
    with path.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            number = int(row["row"])
            if only is not None and number != only:
                continue
            if row["stage"] == Stage.PERSON and number not in settled:
                found.append(_read(row, labels))
            if len(found) == most:
                break
    return found


def _read(row: Mapping[str, str], labels: Sequence[str]) -> Doubt:
    guesses = {label: row[f"{label}_guess"] for label in labels if not row[label]}
    return Doubt(
        int(row["row"]), row["ticket_id"], row["text"], row["why"], row["needs_person"], guesses
    )


def fill_in(path: Path, settled: Mapping[int, Mapping[str, str]]) -> Iterator[bytes]:
    """Yield a result as CSV, with what was settled in its place."""
    text = io.StringIO(newline="")
    with path.open(newline="", encoding="utf-8") as file:
        rows = csv.DictReader(file)
        writer = csv.DictWriter(text, rows.fieldnames or [])
        writer.writeheader()
        for place, row in enumerate(rows, 1):
            chosen = settled.get(int(row["row"]), {})
            if chosen:
                sure = {f"{label}_confidence": "1.0" for label in chosen}
                row.update({**chosen, **sure, "why": DECIDED_BY_PERSON, "needs_person": ""})
            writer.writerow(row)
            if place % ROWS_AT_ONCE == 0:
                yield _drain(text)
    yield _drain(text)


def _drain(text: io.StringIO) -> bytes:
    data = text.getvalue().encode()
    text.seek(0)
    text.truncate()
    return data
