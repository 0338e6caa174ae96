import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.decision.decider import Choice, Decider
from agent.decision.features import measure
from knowledge_base.articles import Ranking
from tests.agent.scenes import CLEAR, SCANT

DECIDER = Decider.load()


def weigh(question: str, hits: object) -> dict[str, float]:
    ranking = Ranking(question, hits)  # type: ignore[arg-type] # hits of a scene
    return measure(question, ranking, ranking, follow_up=False)


EVIDENCE = st.fixed_dictionaries({name: st.floats(0, 1) for name in DECIDER.features})


def test_the_saved_model_knows_exactly_the_features_that_are_measured() -> None:
    assert set(DECIDER.features) == set(weigh("When?", ()))
    assert set(DECIDER.choices) == set(Choice)
    assert DECIDER.weights.shape == (len(DECIDER.choices), len(DECIDER.features))


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
    del evidence["similarity"]
    with pytest.raises(KeyError, match="similarity"):
        DECIDER.decide(evidence)


def test_another_file_can_be_loaded(tmp_path: Path) -> None:
    saved = {
        "features": ["similarity"],
        "choices": ["answer", "clarify", "abstain"],
        "mean": [0.5],
        "scale": [0.1],
        "weights": [[1.0], [0.0], [-1.0]],
        "bias": [0.0, 0.0, 0.0],
        "answer_from": 0.5,
    }
    path = tmp_path / "decider.json"
    path.write_text(json.dumps(saved), encoding="utf-8")
    decider = Decider.load(path)
    assert decider.decide({"similarity": 0.9}).choice is Choice.ANSWER
    assert decider.decide({"similarity": 0.1}).choice is Choice.ABSTAIN
