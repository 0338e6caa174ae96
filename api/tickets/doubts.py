"""What a result left open, and the result with what persons chose since."""

import csv
import io
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from agent.triage.cells import CONFIDENCE, GUESS
from agent.triage.verdicts import Sense, Stage
from agent.triage.writing import DANGEROUS, Cells, defuse

DECIDED_BY_PERSON = "settled at the desk"
# A choice does away with these only: who is upset or unsafe still needs a person.
OPEN = frozenset({Sense.UNSURE, Sense.OUT_OF_SCOPE})
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
    plain = {name: restore(cell) for name, cell in row.items()}
    guesses = {label: plain[label + GUESS] for label in labels if not plain[label]}
    return Doubt(
        int(row["row"]),
        plain["ticket_id"],
        plain["text"],
        plain["why"],
        plain["needs_person"],
        guesses,
    )


def restore(cell: str) -> str:
    """Return what stood in a cell before `defuse` put an apostrophe before it."""
    bare = cell.removeprefix("'")
    return bare if bare.lstrip(" ").startswith(DANGEROUS) else cell


def fill_in(path: Path, settled: Mapping[int, Mapping[str, str]]) -> Iterator[bytes]:
    """Yield a result as CSV, with what was settled in its place."""
    text = io.StringIO(newline="")
    with path.open(newline="", encoding="utf-8") as file:
        rows = csv.DictReader(file)
        writer = csv.DictWriter(text, rows.fieldnames or [])
        writer.writeheader()
        for place, row in enumerate(rows, 1):
            if chosen := settled.get(int(row["row"])):
                writer.writerow({**row, **_settle(row, chosen)})
            else:
                writer.writerow(row)
            if place % ROWS_AT_ONCE == 0:
                yield _drain(text)
    yield _drain(text)


def _settle(row: Mapping[str, str], chosen: Mapping[str, str]) -> Cells:
    """Return the cells that a choice changes; an empty one says that nothing fits."""
    sure = {label + CONFIDENCE: 1.0 if value else 0.0 for label, value in chosen.items()}
    without = [label for label, value in chosen.items() if not value]
    why = f"{DECIDED_BY_PERSON}; no {' or '.join(without)} fits" if without else DECIDED_BY_PERSON
    left = "" if row["needs_person"] in OPEN else row["needs_person"]
    safe = {label: defuse(value) for label, value in chosen.items()}
    return {**safe, **sure, "why": why, "needs_person": left}


def _drain(text: io.StringIO) -> bytes:
    data = text.getvalue().encode()
    text.seek(0)
    text.truncate()
    return data
