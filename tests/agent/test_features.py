import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.decision.features import TOP, depends_on_history, measure
from agent.nearness import Near, rank_units
from agent.queries import make_queries
from agent.state import Message
from agent.verification.evidence import read_units
from knowledge_base.articles import Hit, Ranking
from tests.agent.scenes import CANCELLING, CLEAR, REFUNDS, find
from tests.fakes.encoder import FakeEncoder

HISTORY = [
    Message(role="customer", text="How long does a refund to my credit card take?"),
    Message(role="agent", text="It takes 5 to 7 business days."),
]


def weigh(
    question: str,
    *hits: Hit,
    history: list[Message] | None = None,
    turn: tuple[Hit, ...] | None = None,
    units: tuple[Near, ...] = (),
) -> dict[str, float]:
    queries = make_queries(question, question, history or [])
    own = Ranking(question, hits)
    rankings = {"own": own, "turn": own if turn is None else Ranking(queries.turn, turn)}
    return measure(queries, rankings | {"reply": own}, [hit.passage for hit in hits][:TOP], units)


def test_without_hits_all_evidence_is_nought() -> None:
    features = weigh("When does my refund arrive?")
    names = ("sentence", "own_similarity", "own_gap", "own_deviation", "lexical", "coverage")
    assert [features[name] for name in names] == [0.0] * len(names)


def test_the_nearest_hit_counts_wherever_it_stands() -> None:
    features = weigh("When?", find(CANCELLING, 0.3, 2, 0.1), find(REFUNDS, 0.9, 9, 0.8))
    assert features["own_similarity"] == pytest.approx(0.9)
    assert features["own_gap"] == pytest.approx(0.6)
    assert features["own_deviation"] == pytest.approx(1.0)
    assert features["coverage"] == pytest.approx(0.8)


def test_the_nearest_sentence_is_evidence_and_so_are_the_next_ones() -> None:
    unit = read_units(REFUNDS)[0]
    features = weigh("When?", *CLEAR, units=(Near(unit, 0.9), Near(unit, 0.6), Near(unit, 0.3)))
    assert features["sentence"] == pytest.approx(0.9)
    assert features["sentences"] == pytest.approx(0.6)


def test_a_follow_up_s_own_evidence_is_kept_beside_that_of_both_turns() -> None:
    own = find(CANCELLING, 0.2, 1, 0.1)
    features = weigh("And now?", own, history=HISTORY, turn=CLEAR)
    assert features["own_similarity"] == pytest.approx(0.2)
    assert features["turn_similarity"] == pytest.approx(CLEAR[0].similarity)
    assert features["same_first"] == 0
    assert features["follow_up"] == 1


def test_words_that_were_said_before_are_told_from_new_ones() -> None:
    again = weigh("Does the refund take days?", *CLEAR, history=HISTORY)
    new = weigh("Is breakfast vegetarian?", *CLEAR, history=HISTORY)
    assert again["repeated"] == 1
    assert new["repeated"] == 0
    assert new["new"] > again["new"]
    assert new["uncovered"] == 1


def test_short_and_pointing_messages_are_noticed() -> None:
    assert weigh("help")["very_short"] == 1
    plain = weigh("When does a refund arrive?")
    pointing = weigh("Did they change it for this particular plan?")
    assert pointing["pronouns"] > plain["pronouns"]
    assert pointing["pointing"] > plain["pointing"]
    assert pointing["past"] > plain["past"]


def test_without_history_every_query_is_the_question() -> None:
    queries = make_queries("When?", "When?", [])
    assert {queries.own, queries.standalone, queries.turn, queries.reply, queries.replied} == {
        "When?"
    }


def test_the_last_turn_goes_into_the_queries_and_older_ones_do_not() -> None:
    older = Message(role="customer", text="Hello there")
    queries = make_queries("And now?", "And to a debit card now?", [older, *HISTORY])
    assert queries.turn == f"{HISTORY[0].text} And now?"
    assert queries.reply == f"{HISTORY[1].text} And now?"
    assert queries.replied == HISTORY[1].text
    assert queries.standalone == "And to a debit card now?"


async def test_units_come_nearest_first() -> None:
    ranked = await rank_units(FakeEncoder(), "cancel a booking", [REFUNDS, CANCELLING])
    assert ranked[0].unit.passage_id == CANCELLING.id
    similarities = [near.similarity for near in ranked]
    assert similarities == sorted(similarities, reverse=True)
    assert await rank_units(FakeEncoder(), "cancel a booking", []) == ()


NUMBERS = st.floats(0, 1)
HITS = st.lists(
    st.builds(find, st.sampled_from([REFUNDS, CANCELLING]), NUMBERS, st.floats(0, 60), NUMBERS),
    max_size=8,
)


@given(st.text(max_size=200), HITS, st.sampled_from([None, HISTORY]))
def test_evidence_is_finite_whatever_is_asked_and_found(
    question: str, hits: list[Hit], history: list[Message] | None
) -> None:
    features = weigh(question, *hits, history=history)
    assert all(-10 <= value <= 10 for value in features.values())


@pytest.mark.parametrize(
    "question", ["And to a debit card?", "How long does it take?", "What about those?", "why"]
)
def test_questions_that_lean_on_what_was_said(question: str) -> None:
    assert depends_on_history(question)


def test_a_question_that_stands_alone() -> None:
    assert not depends_on_history("When does a refund arrive on my credit card?")
