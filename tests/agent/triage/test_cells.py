import pytest

from agent.state import Reason
from agent.triage.cells import rate, to_cells
from agent.triage.tickets import Ticket
from agent.triage.verdicts import Decision, Sense, Stage, Triage


def _make(needs_person: str, **values: str) -> Triage:
    decisions = {label: Decision(value, "guess", 0.5) for label, value in values.items()}
    return Triage(decisions, Stage.WORDS, "like", 1.0, needs_person, {})


@pytest.mark.parametrize(
    ("needs_person", "priority"),
    [(Reason.UNSAFE, "high"), (Reason.UPSET, "high"), (Sense.UNSURE, "normal"), ("", "normal")],
)
def test_where_no_priority_was_learnt_the_sound_tells_it(needs_person: str, priority: str) -> None:
    assert rate(_make(needs_person, category="refund")) == priority


@pytest.mark.parametrize("learnt", ["urgent", ""])
def test_a_priority_that_was_learnt_comes_before_the_sound(learnt: str) -> None:
    assert rate(_make(Reason.UPSET, priority=learnt)) == learnt


def test_a_row_has_the_same_priority() -> None:
    triage = _make(Reason.UPSET, category="refund")
    assert to_cells(Ticket(1, "A", "one"), triage)["priority"] == rate(triage)
