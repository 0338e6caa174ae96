"""`frontdesk eval`, run as a person does."""

import json
from pathlib import Path

import pytest

from agent.models.catalogue import by_role
from tests.commands.conftest import CACHE, Run
from tests.evals.conftest import CASES, write_suite

needs_model = pytest.mark.skipif(
    not by_role("answers").locate(CACHE / "models").exists(),
    reason="the model is not in the cache: `frontdesk models pull`",
)


def test_a_suite_that_is_not_there_is_named_and_nothing_is_opened(
    frontdesk: Run, tmp_path: Path
) -> None:
    for kind in ("retrieval", "answers", "verifier"):
        done = frontdesk("eval", kind, tmp_path / "gone", data=tmp_path)
        assert done.returncode == 2
        assert "articles.jsonl is missing" in done.stderr
        assert "Traceback" not in done.stderr


def test_a_line_that_is_not_json_is_named(frontdesk: Run, tmp_path: Path) -> None:
    folder = write_suite(tmp_path / "tiny")
    (folder / "cases.jsonl").write_text("{oops\n")
    done = frontdesk("eval", "retrieval", folder, data=tmp_path)
    assert done.returncode == 2
    assert "line 1 is not JSON" in done.stderr


def test_files_that_are_no_results_cannot_be_compared(frontdesk: Run, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("{}")
    done = frontdesk("eval", "compare", tmp_path / "a.json", tmp_path / "a.json", data=tmp_path)
    assert done.returncode == 2
    assert "is no result" in done.stderr


@needs_model
@pytest.mark.usefixtures("embedder")
@pytest.mark.model
def test_a_run_is_measured_reported_gone_on_with_and_compared(
    frontdesk: Run, tmp_path: Path
) -> None:
    # One more field than any run before: a journal of another test run is not gone on with.
    named = [case | {"note": str(tmp_path)} for case in CASES]
    folder = write_suite(tmp_path / "tiny", named)
    result, report = tmp_path / "answers.json", tmp_path / "answers.html"
    files = ("--json", result, "--html", report, "--no-results")
    command = ("eval", "answers", folder, *files)
    done = frontdesk(*command, data=tmp_path)
    assert done.returncode == 0, done.stderr
    measured = json.loads(result.read_text())
    assert measured["kind"] == "answers"
    assert measured["n"] == 3
    assert measured["answers"]["supported_share"] in {None, 1.0}
    assert {"macro_f1", "confusion"} <= measured["decisions"].keys()
    assert len(measured["provenance"]["model_sha256"]) == 64
    assert str(report) in done.stdout
    assert "When does a refund arrive" in report.read_text()

    again = frontdesk(*command, data=tmp_path)
    assert "3 cases are done" in again.stderr
    assert json.loads(result.read_text())["cases"] == measured["cases"]

    compared = frontdesk("eval", "compare", result, result, data=tmp_path)
    assert compared.returncode == 0, compared.stderr
    assert "cases better" in compared.stdout
