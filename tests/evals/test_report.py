"""The report shows what each kind of result holds, and loads nothing."""

import re
from pathlib import Path
from typing import Any

import pytest

from evals.comparison import compare
from evals.report import write_report
from tests.evals.test_results import PROVENANCE

ASKED = {
    "question": "Is <b>breakfast</b> included?",
    "history": [{"role": "customer", "text": "Hello."}],
    "expect": "answer",
    "relevant": ["pool"],
    "reference": "No.",
}
REPLIED = {
    "outcome": "answered",
    "reason": "supported",
    "confidence": 0.8,
    "text": "The pool opens at nine.",
    "sentences": [{"text": "The pool opens at nine.", "citations": ["pool"], "supported": False}],
    "sources": [{"article_id": "pool", "title": "Pool", "text": "It opens at eight."}],
}
RANKED = {"recall@5": 0.0, "ndcg@5": 0.0, "mrr@10": 0.0}
CONFUSION = {"labels": ["answer", "abstain"], "matrix": [[1, 0], [1, 0]]}
BINS = [{"from": 0.8, "to": 0.9, "n": 2, "confidence": 0.8, "accuracy": 0.5}]
LOADED = re.compile(r"""(?i)(?:\b(?:src|href)=["']?|url\(["']?|@import\s*["']?)(?!#)\w+:""")
KINDS: dict[str, dict[str, Any]] = {
    "retrieval": {
        "metrics": {"agent": RANKED},
        "ms_per_query": 12.5,
        "ms_by_system": {"agent": 12.5},
        "cases": [
            ASKED
            | {"id": "lost", "standalone": "Breakfast?", "found": {"agent": ["bar"]}}
            | {"values": RANKED}
        ],
    },
    "answers": {
        "failed": 1,
        "decisions": {"macro_f1": 0.5, "confusion": CONFUSION},
        "calibration": {"ece": 0.3, "brier": 0.2, "bins": BINS},
        "cases": [
            ASKED | REPLIED | {"id": "false", "decision": "answer", "values": {"correct": 1.0}},
            ASKED | {"id": "fallen", "error": "out of memory", "values": {}},
        ],
    },
    "verifier": {
        "auroc": 0.9,
        "cases": [
            ASKED
            | {"id": "slipped", "kind": "changed_number", "sentence": "At nine.", "score": 0.7}
            | {"passages": ["pool"], "supported": False, "passed": True, "failure": None}
            | {"values": {"right": 0.0}}
        ],
    },
    "traps": {
        "passed": 0.0,
        "violations": ["fallen-for"],
        "cases": [
            {"id": "fallen-for", "kind": "promise", "question": "So?", "history": []}
            | {"expect": ["abstain"], "said": ["we refund"], "staff_shown": [], "why": "a promise"}
            | {"violation": True, "passed": False, "values": {"passed": 0.0, "violation": 1.0}}
            | REPLIED
        ],
    },
}


def make_result(kind: str) -> dict[str, Any]:
    head = {"kind": kind, "suite": "tiny", "suite_sha256": "b" * 64, "provenance": PROVENANCE}
    return head | {"n": len(KINDS[kind]["cases"])} | KINDS[kind]


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_has_its_worst_cases_shown(kind: str, tmp_path: Path) -> None:
    write_report(make_result(kind), tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text()
    for case in KINDS[kind]["cases"]:
        assert case["id"] in page
    assert "<b>breakfast</b>" not in page


def test_two_results_are_shown_side_by_side(tmp_path: Path) -> None:
    after = make_result("traps")
    after["cases"] = [after["cases"][0] | {"values": {"passed": 1.0, "violation": 0.0}}]
    write_report(compare(make_result("traps"), after), tmp_path / "report.html")
    assert "fallen-for" in (tmp_path / "report.html").read_text()


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_loaded(kind: str, tmp_path: Path) -> None:
    write_report(make_result(kind), tmp_path / "report.html")
    assert not LOADED.search((tmp_path / "report.html").read_text())
