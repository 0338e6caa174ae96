from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine

from agent.state import Outcome, Reason
from api.storage.questions import Lack, Questions
from tests.api.desk.history import History, answer, fail

START = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)


@pytest.fixture
def history(database: Engine) -> History:
    told = History(database, START)
    told.hire()
    return told


@pytest.fixture
def questions(database: Engine) -> Questions:
    return Questions(database)


def test_what_was_left_open_is_found_with_how_it_showed(
    history: History, questions: Questions
) -> None:
    one = history.start()
    history.abstain(one, "Ist der Pool geheizt?", "de")
    two = history.start()
    history.ask(two, "it broke", fail(Reason.VAGUE, Outcome.CLARIFIED))
    history.ask(two, "the thing broke", fail(Reason.VAGUE, Outcome.CLARIFIED))
    history.hand_off(history.start(), "Is there a cot?", Reason.ABSTAINED_TWICE)
    history.hand_off(history.start(), "Get me a person", Reason.ASKED_FOR_PERSON)
    rated = history.ask(history.start(), "When is my refund due?", answer())
    history.ledger.rate(rated.id, False)
    history.ask(history.start(), "Can I bring my dog?", answer())
    found = questions.list_unanswered(START)
    assert [(item.question, item.lack, item.language) for item in found] == [
        ("When is my refund due?", Lack.UNHELPFUL, "en"),
        ("Is there a cot?", Lack.HANDED_OFF, "en"),
        ("the thing broke", Lack.CLARIFIED_TWICE, "en"),
        ("Ist der Pool geheizt?", Lack.ABSTAINED, "de"),
    ]
    assert found[-1].conversation_id == one
    assert len(questions.list_unanswered(START, limit=2)) == 2
    assert questions.list_unanswered(history.now + timedelta(seconds=1)) == []


def test_questions_are_of_one_site_or_of_all(history: History, questions: Questions) -> None:
    history.open_site("north", "North")
    history.abstain(history.start("north"), "Is the pool heated?")
    history.abstain(history.start(), "Is there a cot?")
    assert [q.question for q in questions.list_unanswered(START, "north")] == [
        "Is the pool heated?"
    ]
    assert len(questions.list_unanswered(START)) == 2


def test_what_persons_wrote_afterwards_comes_once(history: History, questions: Questions) -> None:
    talk = history.start(user={"id": "7", "name": "Anna Lund", "email": "anna@example.org"})
    first = history.abstain(talk, "Is there a cot?")
    second = history.hand_off(talk, "A cot, I said", Reason.ABSTAINED_TWICE)
    history.write(second, "Every home lends one.", close=False)
    history.write(second, "Ask the host for it.")
    later = history.abstain(talk, "And a high chair?")
    words = questions.list_words([first.id, second.turn_id, later.id])
    assert [said.text for said in words] == ["Every home lends one.", "Ask the host for it."]
    assert words[0].customer_names == ("Anna Lund", "anna@example.org")
    assert words[0].staff_name == "Mia Berg"
    assert questions.list_words([later.id]) == []


def test_resolved_ones_come_with_the_last_answer_and_what_it_was_about(
    history: History, questions: Questions
) -> None:
    talk = history.start()
    history.abstain(talk, "Is there a cot?")
    handoff = history.hand_off(talk, "Get me a person", Reason.ASKED_FOR_PERSON)
    history.write(handoff, "Let me look.", close=False)
    assert questions.list_resolved() == []
    history.write(handoff, "Yes, every home has one.")
    waiting = history.hand_off(history.start(), "Is the pool heated?", Reason.ABSTAINED_TWICE)
    (found,) = questions.list_resolved()
    assert (found.conversation_id, found.question) == (talk, "Is there a cot?")
    assert (found.answer, found.staff_name) == ("Yes, every home has one.", "Mia Berg")
    assert questions.find_asked(talk) == "Is there a cot?"
    assert questions.find_asked(waiting.conversation_id) == "Is the pool heated?"
    plain = history.start()
    assert questions.find_asked(plain) is None
    history.abstain(plain, "What is a cot?")
    assert questions.find_asked(plain) == "What is a cot?"
