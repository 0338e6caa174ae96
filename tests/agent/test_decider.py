import json
from pathlib import Path

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.decision.decider import Choice, Decider
from agent.decision.features import measure
from agent.nearness import rank_units
from agent.queries import make_queries
from knowledge_base.articles import Hit, Ranking
from tests.agent.scenes import CLEAR, SCANT
from tests.fakes.encoder import FakeEncoder

DECIDER = Decider.load()


def weigh(question: str, hits: tuple[Hit, ...]) -> dict[str, float]:
    passages = [hit.passage for hit in hits]
    units = anyio.run(rank_units, FakeEncoder(), question, passages)
    rankings = dict.fromkeys(("own", "turn", "reply"), Ranking(question, hits))
    return measure(make_queries(question, question, []), rankings, passages, units)


EVIDENCE = st.fixed_dictionaries(
    {name: st.floats(0, 1) for name in DECIDER.features} | {"follow_up": st.sampled_from([0, 1])}
)


def test_the_saved_model_knows_exactly_the_features_that_are_measured() -> None:
    assert {*DECIDER.features, "follow_up"} == set(weigh("When?", ()))
    for regression in (DECIDER.first, DECIDER.follow_up):
        assert set(regression.choices) == set(Choice)
        assert regression.weights.shape == (len(regression.choices), len(DECIDER.features))


def test_clear_evidence_is_answered_and_scant_is_not() -> None:
    clear = DECIDER.decide(weigh("When does a refund arrive on my card?", CLEAR))
    scant = DECIDER.decide(weigh("Which airlines serve breakfast between Oslo and Rome?", SCANT))
    assert clear.choice is Choice.ANSWER
    assert scant.choice is Choice.ABSTAIN
    assert clear.chances[Choice.ANSWER] > scant.chances[Choice.ANSWER]


def test_a_vague_message_is_asked_back_unless_that_may_not_be() -> None:
    evidence = weigh("it doesn't work", SCANT)
    assert DECIDER.decide(evidence).choice is Choice.CLARIFY
    assert DECIDER.decide(evidence, may_clarify=False).choice is Choice.ABSTAIN


@given(EVIDENCE)
def test_the_chances_are_a_distribution_and_the_confidence_is_one_of_them(
    evidence: dict[str, float],
) -> None:
    decision = DECIDER.decide(evidence)
    assert sum(decision.chances.values()) == pytest.approx(1)
    assert all(0 <= chance <= 1 for chance in decision.chances.values())
    assert decision.confidence == decision.chances[decision.choice]


@given(EVIDENCE)
def test_without_leave_nobody_is_asked_back(evidence: dict[str, float]) -> None:
    assert DECIDER.decide(evidence, may_clarify=False).choice is not Choice.CLARIFY


@given(EVIDENCE)
def test_the_same_evidence_gives_the_same_decision(evidence: dict[str, float]) -> None:
    assert DECIDER.decide(evidence) == DECIDER.decide(evidence)


def test_a_missing_feature_is_an_error() -> None:
    evidence = weigh("When?", CLEAR)
    del evidence["sentence"]
    with pytest.raises(KeyError, match="sentence"):
        DECIDER.decide(evidence)


def save(weight: float) -> dict[str, object]:
    return {
        "choices": ["answer", "clarify", "abstain"],
        "mean": [0.5],
        "scale": [0.1],
        "weights": [[weight], [0.0], [-weight]],
        "bias": [0.0, 0.0, 0.0],
        "answer_from": 0.5,
        "clarify_odds": 1.0,
    }


def test_asking_back_is_given_odds(tmp_path: Path) -> None:
    regression = save(0.0) | {"bias": [-9.0, 0.0, 0.5]}
    path = tmp_path / "decider.json"
    for odds, choice in ((1.0, Choice.ABSTAIN), (2.0, Choice.CLARIFY)):
        saved = regression | {"clarify_odds": odds}
        saved = {"features": ["similarity"], "first": saved, "follow_up": saved}
        path.write_text(json.dumps(saved), encoding="utf-8")
        decided = Decider.load(path).decide({"similarity": 0.5, "follow_up": 0})
        assert decided.choice is choice


def test_first_messages_and_follow_ups_are_decided_on_by_what_each_was_trained_for(
    tmp_path: Path,
) -> None:
    path = tmp_path / "decider.json"
    saved = {"features": ["similarity"], "first": save(1.0), "follow_up": save(-1.0)}
    path.write_text(json.dumps(saved), encoding="utf-8")
    decider = Decider.load(path)
    assert decider.decide({"similarity": 0.9, "follow_up": 0}).choice is Choice.ANSWER
    assert decider.decide({"similarity": 0.1, "follow_up": 0}).choice is Choice.ABSTAIN
    assert decider.decide({"similarity": 0.9, "follow_up": 1}).choice is Choice.ABSTAIN
