from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import Engine

from agent.state import Reason
from api.storage.numbers import Fates, Numbers
from tests.api.desk.history import History, answer

MONDAY = datetime(2026, 11, 16, 23, 30, tzinfo=UTC)


@pytest.fixture
def history(database: Engine) -> History:
    told = History(database, MONDAY)
    told.hire()
    told.open_site("north", "North")
    return told


def test_a_week_is_counted_by_day(history: History, database: Engine) -> None:
    for seconds in (1.0, 2.0, 3.0, 20.0):
        history.ask(history.start("north"), "when?", answer(first_s=seconds))
    displeased = history.ask(history.start(), "how?", answer(first_s=4.0))
    history.ledger.rate(displeased.id, False)
    history.now += timedelta(days=1)
    talk = history.start()
    pleased = history.ask(talk, "when?", answer(first_s=6.0))
    history.ledger.rate(pleased.id, True)
    history.abstain(talk, "what?")
    upset = history.hand_off(talk, "no!", Reason.UPSET)
    history.suggest(upset, "edited", 12)
    person = history.hand_off(history.start(), "a person", Reason.ASKED_FOR_PERSON)
    history.suggest(person, "used", 0)
    history.suggest(history.hand_off(history.start(), "you!", Reason.UPSET), None)
    numbers = Numbers(database, lambda: history.now)
    figures = numbers.read(7)
    assert [day.day for day in figures.days] == [date(2026, 11, n) for n in range(11, 18)]
    monday, tuesday = figures.days[-2:]
    assert (monday.conversations, monday.resolved, monday.unhelpful) == (5, 4, 1)
    assert (monday.first_p50, monday.first_p95) == (3.0, 20.0)
    assert (tuesday.conversations, tuesday.resolved, tuesday.abstained) == (3, 0, 1)
    assert (tuesday.helped, tuesday.first_p50) == (1, 6.0)
    assert tuesday.handed_off == {"upset": 2, "asked_for_person": 1}
    assert figures.handed_off() == {"upset": 2, "asked_for_person": 1}
    assert (figures.first_p50, figures.first_p95) == (3.0, 20.0)
    assert figures.total("conversations") == 8
    assert figures.suggestions == Fates(used=1, edited=1, discarded=0, open=1, distance=12.0)


def test_numbers_are_of_one_site_or_of_all(history: History, database: Engine) -> None:
    history.ask(history.start("north"), "when?", answer(first_s=1.0))
    history.suggest(history.hand_off(history.start(), "no!", Reason.UPSET), "used")
    numbers = Numbers(database, lambda: history.now)
    assert numbers.list_sites() == [("north", "North")]
    north = numbers.read(7, "north")
    assert (north.total("conversations"), north.total("resolved")) == (1, 1)
    assert north.handed_off() == {}
    assert north.suggestions == Fates()
    assert numbers.read(7).total("conversations") == 2


def test_nothing_gives_days_of_nothing(database: Engine) -> None:
    figures = Numbers(database, lambda: MONDAY).read(30)
    assert len(figures.days) == 30
    assert figures.total("conversations") == 0
    assert (figures.first_p50, figures.suggestions.distance) == (None, None)
