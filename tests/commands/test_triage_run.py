"""What `frontdesk triage` shows and keeps, with an assistant and encoders that are fakes."""

import csv
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from agent.triage.artefacts import Shelf
from agent.triage.cells import DRAFT
from agent.triage.costs import Cost
from agent.triage.errors import TriageError
from agent.triage.job import Notebook, Progress
from api.settings import Settings
from commands.triage_run import Opened, Options, Run, make_recipe
from commands.triage_shown import list_cells, summarise
from tests.agent.triage.histories import learn_demo, open_cascade, train_into
from tests.api.assistants import FakeAssistant

ROWS = "id,text\nT1,my refund is missing\nT2,my refund is missing\nT3,\n"


class Staged(Run):
    """Judges with fakes."""

    @asynccontextmanager
    async def _prepare(self) -> AsyncIterator[Opened]:
        assistant = FakeAssistant() if self._options.draft else None
        yield Opened(open_cascade(learn_demo()[0], threshold=0.0), assistant)


@pytest.fixture
def options(tmp_path: Path) -> Options:
    source, output = tmp_path / "in.csv", tmp_path / "out.csv"
    source.write_text(ROWS)
    train_into(tmp_path / "data")
    rejects = tmp_path / "bad.csv"
    return Options(source, output, rejects, {}, "utf-8", None, "quick", False, False, False)


def _stage(options: Options) -> Run:
    folder = options.source.parent / "data"
    return Staged(Settings(data=folder), options, Shelf(folder / "triage").load())


def _read(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_a_dry_run_with_drafts_shows_them_with_their_sources(
    options: Options, capsys: pytest.CaptureFixture[str]
) -> None:
    _stage(replace(options, draft=True)).preview()
    shown = capsys.readouterr().out
    suggestion = FakeAssistant().suggestion
    assert shown.count(suggestion.text) == 2
    assert suggestion.sources[0].title in shown
    assert "2 tickets would be triaged" in shown
    assert {path.name for path in options.source.parent.iterdir()} == {"in.csv", "data"}


def test_a_dry_run_without_drafts_shows_none(
    options: Options, capsys: pytest.CaptureFixture[str]
) -> None:
    _stage(options).preview()
    assert not {line.split()[0] for line in capsys.readouterr().out.splitlines()} & set(DRAFT)


def test_where_the_articles_hold_no_reply_it_is_said() -> None:
    cells = dict.fromkeys(("stage", "why", "needs_person", "language", "sentiment", *DRAFT), "")
    assert dict(list_cells(cells, []))["draft"] == "(the articles hold no reply)"


def test_the_share_and_cost_of_each_stage_is_told(
    options: Options, capsys: pytest.CaptureFixture[str]
) -> None:
    done = _stage(replace(options, draft=True)).run()
    told = capsys.readouterr().err
    assert done.stages["duplicate"] == 1
    assert done.costs["duplicate"].rows == done.costs["drafts"].rows == 2
    assert "duplicate                 1 rows   50.0%" in told
    assert "drafts" in told
    assert "1 rows were rejected" in told
    assert _read(options.output)[0]["draft"] == FakeAssistant().suggestion.text


def test_costs_are_of_the_rows_that_a_stage_looked_at() -> None:
    progress = Progress(
        {},
        rows=5609,
        stages={"quick": 1234},
        costs={"quick": Cost(2000, 1.2), "drafts": Cost(2, 8)},
    )
    _, quick, drafts, _ = summarise(progress, Path("out.csv"), Path("bad.csv"))
    assert quick.split() == (
        "quick 1,234 rows 22.0% 1.2 s 0.60 ms a row of 2,000 looked at".split()
    )
    assert drafts.split() == "drafts 8.0 s 4000.00 ms a row of 2 looked at".split()


def test_a_job_that_was_killed_before_its_files_were_in_place_tells_what_it_did(
    options: Options, capsys: pytest.CaptureFixture[str]
) -> None:
    run = _stage(options)
    done = run.run()
    before = capsys.readouterr().err
    options.output.rename(options.output.with_name("out.csv.part"))
    Notebook(options.output.with_name("out.csv.progress")).write(done)
    assert run.run() == done
    told = capsys.readouterr().err
    assert [line for line in before.splitlines() if "rows" in line] == [
        line for line in told.splitlines() if "rows" in line
    ]
    assert options.output.exists()


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"effort": "thorough"}, r"--effort quick \(now thorough\)"),
        ({"threshold": 0.5}, r"--threshold none \(now 0.5\)"),
        ({"model": True}, r"--model no \(now yes\)"),
        ({"draft": True}, r"--draft no \(now yes\)"),
        ({"mapping": {"id": "id"}}, r"--map none \(now id=id\)"),
        ({"encoding": "cp1252"}, r"--encoding utf-8 \(now cp1252\)"),
        ({"rejects": Path("other.csv")}, r"--rejects .*bad.csv \(now other.csv\)"),
    ],
)
def test_a_job_that_was_begun_otherwise_says_which_option_differs(
    options: Options, changed: dict[str, object], said: str
) -> None:
    run = _stage(options)
    notebook = Notebook(options.output.with_name("out.csv.progress"))
    notebook.write(Progress(make_recipe(options, run._artefact.version)))
    other: Options = replace(options, **changed)  # type: ignore[arg-type]
    with pytest.raises(TriageError, match=f"begun with {said}. Use what it was begun with"):
        _stage(other).run()


def test_another_classifier_is_told_by_its_version(options: Options) -> None:
    run = _stage(options)
    notebook = Notebook(options.output.with_name("out.csv.progress"))
    notebook.write(Progress(make_recipe(options, "older")))
    with pytest.raises(TriageError, match=rf"--version older \(now {run._artefact.version}\)"):
        run.run()
