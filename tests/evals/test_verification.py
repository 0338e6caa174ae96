import json
from pathlib import Path

import pytest

from agent.verification.verifier import Verifier
from evals.index import split_articles
from evals.suites import Suite, read_suite
from evals.verification import NoPairsError, evaluate_verifier
from tests.evals.conftest import CASES, write_suite
from tests.knowledge_base.fake_embedder import FakeEmbedder


def ignore(_done: int, _total: int) -> None:
    pass


def evaluate(suite: Suite, readings: Path) -> dict[str, object]:
    passages = split_articles(suite.articles, FakeEmbedder())
    return evaluate_verifier(
        suite, passages, Verifier(), seed=1, limit=None, progress=ignore, readings=readings
    )


def test_a_plain_suite_is_told_apart(suite: Suite, tmp_path: Path) -> None:
    result = evaluate(suite, tmp_path / "none.jsonl")
    cases = result["cases"]
    assert isinstance(cases, list)
    assert result["n"] == len(cases)
    auroc = result["auroc"]
    assert isinstance(auroc, float)
    assert 0.5 < auroc <= 1
    assert result["readings"] is None
    shown = [case for case in cases if case["passed"] and not case["supported"]]
    assert shown == []


def test_a_person_s_readings_are_compared(suite: Suite, tmp_path: Path) -> None:
    cases = evaluate(suite, tmp_path / "none.jsonl")["cases"]
    assert isinstance(cases, list)
    path = tmp_path / "readings.jsonl"
    rows = [{"pair": case["id"], "supported": case["supported"]} for case in cases]
    rows[0]["supported"] = not rows[0]["supported"]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    readings = evaluate(suite, path)["readings"]
    assert isinstance(readings, dict)
    assert readings["n"] == len(rows)
    assert readings["agreement"] == pytest.approx(1 - 1 / len(rows), abs=1e-4)


def test_a_suite_without_references_is_refused(tmp_path: Path) -> None:
    bare = read_suite(write_suite(tmp_path / "bare", [CASES[2]]))
    with pytest.raises(NoPairsError, match="bare"):
        evaluate(bare, tmp_path / "none.jsonl")
