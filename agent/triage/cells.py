"""A triaged ticket as the cells of a row."""

from collections.abc import Sequence

from agent.triage.errors import TriageError
from agent.triage.tickets import Ticket
from agent.triage.verdicts import Triage
from agent.triage.writing import Cells

URGENT = ("unsafe", "upset")
PRIORITY = "priority"
HEAD = ("row", "ticket_id", "text")
TAIL = ("stage", "why", "needs_person", "language", "sentiment")
DRAFT = ("draft", "sources")
CONFIDENCE, GUESS = "_confidence", "_guess"


def list_columns(labels: Sequence[str], *, draft: bool = False) -> tuple[str, ...]:
    """Return the columns of a result: three for each label, priority among them if not learnt."""
    learnt = [label + end for label in labels for end in ("", CONFIDENCE, GUESS)]
    derived = () if PRIORITY in labels else (PRIORITY,)
    return (*HEAD, *learnt, *derived, *TAIL, *(DRAFT if draft else ()))


def refuse_taken(labels: Sequence[str]) -> None:
    """Raise TriageError if a label's column, or one that comes with it, would be there twice."""
    own = (*HEAD, *TAIL, *DRAFT)
    for label in labels:
        if label in own or label.endswith((CONFIDENCE, GUESS)):
            raise TriageError(
                f"A label can't be named {label!r}: a result has {', '.join(own)} of its own, and "
                f"{CONFIDENCE} and {GUESS} beside each label. Name it otherwise, and say where it "
                f"is: --label mylabel --map 'mylabel={label}'."
            )


def pair_cells(tickets: Sequence[Ticket], triaged: Sequence[Triage]) -> list[tuple[Triage, Cells]]:
    """Return what was found out about each ticket, and its cells."""
    return [
        (triage, to_cells(ticket, triage)) for ticket, triage in zip(tickets, triaged, strict=True)
    ]


def rate(triage: Triage) -> str:
    """Return a ticket's priority: as learnt, empty where a person has to choose; else by its sound.

    Tickets that sound upset or unsafe are `high`, others `normal`.
    """
    if learnt := triage.decisions.get(PRIORITY):
        return learnt.value
    return "high" if triage.needs_person in URGENT else "normal"


def to_cells(ticket: Ticket, triage: Triage) -> Cells:
    """Return what is known of a ticket, by column."""
    cells: dict[str, str | float | int | bool] = {
        "row": ticket.row,
        "ticket_id": ticket.id,
        "text": ticket.text,
        PRIORITY: rate(triage),
        "stage": str(triage.stage),
        "why": triage.why,
        "needs_person": str(triage.needs_person),
        "language": triage.language,
        "sentiment": triage.sentiment,
    }
    for label, decision in triage.decisions.items():
        cells[label] = decision.value
        cells[label + CONFIDENCE] = round(decision.confidence, 4)
        cells[label + GUESS] = decision.guess
    return cells
