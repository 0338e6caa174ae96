from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import anyio
import pytest
from anyio import Event, create_task_group

from agent.triage.artefacts import Shelf
from agent.triage.verdicts import Sense, Stage
from api.tickets.triager import Triager
from tests.agent.triage.histories import make_tickets, open_workshop, train_into

KNOWN = "The key breaks in the lock, we can't get in."
DOUBTFUL = "How can I cancel the trip to Porto without paying?"  # its priority


class Agreeing:
    """Agrees with the guess, once it may answer."""

    def __init__(self) -> None:
        self.asked = Event()
        self.may_answer = Event()
        self.count = 0

    async def choose(
        self, text: str, candidates: Sequence[str], examples: Mapping[str, str]
    ) -> str | None:
        assert text
        assert examples
        self.count += 1
        self.asked.set()
        await self.may_answer.wait()
        return candidates[0]


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    train_into(tmp_path)
    return Shelf(tmp_path / "triage")


def _open(shelf: Shelf, chooser: Agreeing, *, asks: bool) -> Triager:
    return Triager(lambda: shelf, partial(open_workshop, chooser=chooser), asks=asks)


async def test_the_model_is_not_asked_unless_that_is_set(shelf: Shelf) -> None:
    chooser = Agreeing()
    _, (triage,) = await _open(shelf, chooser, asks=False).triage(make_tickets(DOUBTFUL))
    assert (triage.stage, triage.needs_person) == (Stage.PERSON, Sense.UNSURE)
    assert chooser.count == 0


async def test_the_model_is_asked_about_what_is_doubted_only(shelf: Shelf) -> None:
    chooser = Agreeing()
    chooser.may_answer.set()
    triager = _open(shelf, chooser, asks=True)
    _, plain = await triager.triage(make_tickets(KNOWN))
    assert (plain[0].stage, chooser.count) == (Stage.DUPLICATE, 0)
    _, triaged = await triager.triage(make_tickets(KNOWN, DOUBTFUL, KNOWN))
    assert chooser.count == 1
    assert [each.stage for each in triaged] == [Stage.DUPLICATE, Stage.MODEL, Stage.DUPLICATE]
    assert triaged[1].decisions["priority"].value


async def test_a_ticket_does_not_wait_while_the_model_is_asked_about_another(shelf: Shelf) -> None:
    chooser = Agreeing()
    triager = _open(shelf, chooser, asks=True)
    opened = await triager.open_apart(None, None)
    async with create_task_group() as group:
        group.start_soon(triager.judge, opened, make_tickets(DOUBTFUL))
        await chooser.asked.wait()
        with anyio.fail_after(20):
            _, (triage,) = await triager.triage(make_tickets(KNOWN))
        chooser.may_answer.set()
    assert triage.stage is Stage.DUPLICATE


async def test_a_file_is_judged_with_its_own_threshold(shelf: Shelf) -> None:
    triager = _open(shelf, Agreeing(), asks=False)
    tickets = make_tickets(DOUBTFUL)
    opened = await triager.open_apart(None, 0.0)
    (decided,) = await triager.judge(opened, tickets)
    assert decided.decisions["category"].value
    _, (single,) = await triager.triage(tickets)
    assert single.stage is Stage.PERSON
