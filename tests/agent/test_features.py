import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.decision.features import depends_on_history, measure
from knowledge_base.articles import Hit, Ranking
from tests.agent.scenes import CANCELLING, CLEAR, REFUNDS, find, make_passage


def weigh(question: str, *hits: Hit, follow_up: bool = False) -> dict[str, float]:
    ranking = Ranking(question, hits)
    return measure(question, ranking, ranking, follow_up=follow_up)


def test_without_hits_all_evidence_is_nought() -> None:
    features = weigh("When does my refund arrive?")
    assert features["similarity"] == features["lexical"] == features["coverage"] == 0
    assert features["same_first"] == features["overlap"] == 0


def test_the_nearest_hit_counts_wherever_it_stands() -> None:
    features = weigh("When?", find(CANCELLING, 0.3, 2, 0.1), find(REFUNDS, 0.9, 9, 0.8))
    assert features["similarity"] == pytest.approx(0.9)
    assert features["similarity_margin"] == pytest.approx(0.6)
    assert features["coverage"] == pytest.approx(0.8)
    assert features["same_first"] == 1


def test_passages_of_the_same_article_are_no_rivals() -> None:
    sibling = make_passage("More of it.", article=REFUNDS.article_id, place=1)
    features = weigh("When?", find(REFUNDS, 0.9, 9, 0.8), find(sibling, 0.88, 8, 0.8))
    assert features["similarity_margin"] == pytest.approx(0.9)


def test_two_searches_that_disagree_are_told_apart() -> None:
    features = weigh("When?", find(REFUNDS, 0.9, 1, 0.1), find(CANCELLING, 0.2, 9, 0.8))
    assert features["same_first"] == 0


def test_the_question_s_own_evidence_is_kept_beside_the_condensed_one_s() -> None:
    own = Ranking("And now?", (find(CANCELLING, 0.2, 1, 0.1),))
    condensed = Ranking("When does my refund arrive now?", CLEAR)
    features = measure("And now?", own, condensed, follow_up=True)
    assert features["own_similarity"] == pytest.approx(0.2)
    assert features["similarity"] == pytest.approx(CLEAR[0].similarity)
    assert features["condensed_words"] > features["content_words"]
    assert features["follow_up"] == 1


def test_short_and_pointing_messages_are_noticed() -> None:
    assert weigh("help")["very_short"] == 1
    assert weigh("it and that one")["deictic"] > weigh("When does a refund arrive?")["deictic"]


NUMBERS = st.floats(0, 1)
HITS = st.lists(
    st.builds(find, st.sampled_from([REFUNDS, CANCELLING]), NUMBERS, st.floats(0, 60), NUMBERS),
    max_size=8,
)


@given(st.text(max_size=60), HITS)
def test_every_feature_is_a_number_of_the_same_size(question: str, hits: list[Hit]) -> None:
    features = weigh(question, *hits)
    assert all(-1 <= value <= 1 for value in features.values()), features


@pytest.mark.parametrize(
    "question",
    ["And for debit cards?", "What about it?", "Why?", "How long does that take for my card?"],
)
def test_a_follow_up_leans_on_what_was_said(question: str) -> None:
    assert depends_on_history(question)


def test_a_whole_question_stands_alone() -> None:
    assert not depends_on_history("When does a refund to a credit card arrive in Spain?")
