"""Which rows hold a ticket, and what is wrong with the others."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from agent.triage.exports import Columns
from agent.triage.formulas import is_formula
from agent.triage.rows import Row
from agent.triage.tickets import LONGEST, Ticket


@dataclass(frozen=True, slots=True)
class Reject:
    """A row that is not triaged, and the reason."""

    row: int
    id: str
    reason: str
    text: str


def check(row: Row, columns: Columns) -> Ticket | Reject:
    """Return the row's ticket, or why there is none."""
    row_id = row.cells.get(columns.id, "").strip() or str(row.number)
    parts = [row.cells.get(name, "").strip() for name in columns.text]
    text = "\n\n".join(part for part in parts if part)
    problem = row.problem or next((reason for applies, reason in PROBLEMS if applies(text)), "")
    if not problem and any(map(is_formula, parts)):
        problem = "its text is a formula that a spreadsheet would run"
    if problem:
        return Reject(row.number, row_id, problem, text)
    return Ticket(row.number, row_id, text, row.cells)


def _is_broken(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:  # bytes that could not be decoded stand in it as lone surrogates
        return True
    return False


PROBLEMS: Sequence[tuple[Callable[[str], bool], str]] = (
    (lambda text: not any(map(str.isalnum, text)), "it has no text"),
    (lambda text: len(text) > LONGEST, f"its text is longer than {LONGEST:,} characters"),
    (_is_broken, "it is not in the file's encoding; say which with --encoding, such as cp1252"),
)
