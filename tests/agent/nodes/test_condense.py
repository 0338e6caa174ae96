import pytest

from agent.nodes.condense import condense, is_faithful, join_last
from agent.state import Exchange, Message, Outcome
from tests.agent.scenes import QUESTION, Scene, begin

BEFORE = Exchange(
    question="How long does a refund to a credit card take?",
    text="A refund to a credit card takes 5 to 7 business days.",
    outcome=Outcome.ANSWERED,
)
HISTORY = [
    Message(role="customer", text=BEFORE.question),
    Message(role="agent", text=BEFORE.text),
]
FOLLOW_UP = "And to a debit card?"


async def play(question: str, text: str, **more: object) -> tuple[str, Scene]:
    scene = Scene([text])
    turns = {"before": BEFORE}
    state = begin(question, **{"turns": turns, **more})
    return (await condense(state, scene.runtime))["standalone"], scene


async def test_the_first_question_is_left_as_it_is() -> None:
    standalone, scene = await play("And to a debit card?", "unused", turns={})
    assert standalone == "And to a debit card?"
    assert not scene.model.requests


async def test_a_question_that_stands_alone_is_left_as_it_is() -> None:
    standalone, scene = await play(QUESTION, "unused")
    assert standalone == QUESTION
    assert not scene.model.requests


async def test_a_faithful_rewriting_is_kept() -> None:
    rewritten = "How long does a refund to a debit card take?"
    standalone, _ = await play(FOLLOW_UP, rewritten)
    assert standalone == rewritten


@pytest.mark.parametrize(
    "rewritten",
    [
        "Can dogs and cats sleep upstairs in Paris?",
        "You get a full voucher worth hundreds without checks.",
        "",
        "How long does a refund to a debit card take? " * 30,
    ],
)
async def test_a_rewriting_that_brings_things_in_is_refused(rewritten: str) -> None:
    standalone, _ = await play(FOLLOW_UP, rewritten)
    assert standalone == f"{BEFORE.question} {FOLLOW_UP}"


async def test_what_was_said_elsewhere_counts_as_history() -> None:
    rewritten = "How long does a refund to a debit card take?"
    standalone, scene = await play(FOLLOW_UP, rewritten, turns={}, given=HISTORY)
    assert standalone == rewritten
    assert BEFORE.question in scene.model.requests[0].messages[-1]["content"]


async def test_the_turn_itself_is_not_its_own_history() -> None:
    standalone, scene = await play(FOLLOW_UP, "unused", turns={"now": BEFORE})
    assert standalone == FOLLOW_UP
    assert not scene.model.requests


def test_the_last_thing_the_customer_said_stands_in_front() -> None:
    assert join_last("And now?", HISTORY) == f"{BEFORE.question} And now?"
    assert join_last("And now?", []) == "And now?"


def test_words_of_the_conversation_are_faithful_in_any_order() -> None:
    assert is_faithful("To a debit card, how long does a refund take?", FOLLOW_UP, HISTORY)
