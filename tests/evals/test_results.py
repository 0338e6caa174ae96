from pathlib import Path
from typing import Any

import pytest

from evals.errors import ResultError
from evals.provenance import describe_machine, hash_source
from evals.results import list_figures, write_results

PROVENANCE = {
    "commit": "c" * 40, "dirty": True, "source_sha256": "d" * 64, "model": "fake",
    "model_sha256": "a" * 64, "embedder": "minilm", "prompt_version": "p1", "machine": "a desk",
    "made_at": "2026-11-23T20:00:00+00:00", "command": "frontdesk eval",
}  # fmt: skip


def make_result(kind: str, **more: object) -> dict[str, Any]:
    head = {"kind": kind, "suite": "tiny", "suite_sha256": "b" * 64, "n": 3, "cases": []}
    return head | {"provenance": PROVENANCE} | more


def test_each_evaluation_keeps_its_own_section(tmp_path: Path) -> None:
    path = tmp_path / "RESULTS.md"
    metrics = {"agent": {"recall@5": 0.9, "ndcg@5": 0.8}}
    write_results(make_result("retrieval", metrics=metrics, ms_by_system={"agent": 12.5}), path)
    write_results(make_result("answers", decisions={"macro_f1": 0.5}), path)
    write_results(make_result("answers", decisions={"macro_f1": 0.7}), path)
    text = path.read_text()
    assert "| agent | 0.900 | 0.800 | 12.5 |" in text
    assert "| decisions.macro_f1 | 0.700 |" in text
    assert "0.500" not in text
    assert "with uncommitted changes" in text
    assert text.count("## ") == 2


def test_the_confusion_stands_below_the_figures(tmp_path: Path) -> None:
    confusion = {"labels": ["answer", "abstain"], "matrix": [[5, 1], [2, 3]]}
    path = tmp_path / "RESULTS.md"
    write_results(make_result("answers", decisions={"confusion": confusion}), path)
    assert "| expected ↓ decided → | answer | abstain |" in path.read_text()
    assert "| abstain | 2 | 3 |" in path.read_text()


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(ResultError, match="--no-results"):
        write_results(make_result("answers"), tmp_path / "gone" / "RESULTS.md")


def test_writing_the_same_again_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "RESULTS.md"
    result = make_result("answers", decisions={"macro_f1": 0.5})
    write_results(result, path)
    once = path.read_text()
    write_results(result, path)
    assert path.read_text() == once


def test_figures_are_flat_and_leave_cases_out() -> None:
    result = make_result("traps", violations=["trap-001"], passed=0.5, by_kind={"a": {"n": 2}})
    assert dict(list_figures(result)) == {
        "violations": "trap-001",
        "passed": "0.500",
        "by_kind.a.n": "2",
    }


def test_the_source_s_hash_follows_the_source(tmp_path: Path) -> None:
    (tmp_path / "agent").mkdir()
    file = tmp_path / "agent" / "graph.py"
    file.write_text("a = 1\n")
    before = hash_source(tmp_path)
    file.write_text("a = 2\n")
    assert hash_source(tmp_path) != before
    (tmp_path / "agent" / "notes.txt").write_text("nothing")
    file.write_text("a = 1\n")
    assert hash_source(tmp_path) == before


def test_the_machine_is_described_by_its_cores() -> None:
    assert describe_machine().endswith("cores")
