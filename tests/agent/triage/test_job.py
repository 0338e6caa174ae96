import csv
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from agent.triage.cells import list_columns, to_cells
from agent.triage.errors import TriageError
from agent.triage.exports import recognise
from agent.triage.job import BATCH, REJECT_COLUMNS, Files, Notebook, Progress, run_job
from agent.triage.rows import Row
from agent.triage.tickets import Ticket
from agent.triage.verdicts import Decision, Stage, Triage
from agent.triage.writing import Cells, Table

ROWS = BATCH * 2 + 7
BAD_EVERY = 100


class PowerCut(Exception):  # noqa: N818 - what a test calls it
    """The machine is gone."""


class Judge:
    """Decides the same for all; fails on its n-th batch."""

    def __init__(self, fails_on: int = 0) -> None:
        self._fails_on = fails_on
        self.batches = 0

    async def __call__(self, tickets: Sequence[Ticket]) -> list[tuple[Triage, Cells]]:
        self.batches += 1
        if self.batches == self._fails_on:
            raise PowerCut
        decisions = {"category": Decision("refund", "refund", 0.9)}
        triage = Triage(decisions, Stage.QUICK, "like it", 1.0, "", {})
        return [(triage, to_cells(ticket, triage)) for ticket in tickets]


def _list_rows() -> Iterator[Row]:
    for number in range(1, ROWS + 1):
        text = "" if number % BAD_EVERY == 0 else f"text {number}"
        yield Row(number, {"id": f"T{number}", "text": text})


def _open(folder: Path) -> Files:
    output = Table(folder / "out.csv", list_columns(["category"]))
    rejects = Table(folder / "bad.csv", REJECT_COLUMNS)
    return Files(output, rejects, Notebook(folder / "out.csv.progress"))


async def _run(folder: Path, judge: Judge, recipe: str = "same") -> Progress:
    files = _open(folder)
    progress = files.notebook.read(recipe)
    return await run_job(_list_rows(), recognise(["id", "text"]), judge, files, progress)


def _read(path: Path, column: str) -> list[str]:
    with path.open(newline="", encoding="utf-8") as file:
        return [row[column] for row in csv.DictReader(file)]


def _append(path: Path, text: str) -> None:
    with path.open("a") as file:
        file.write(text)


def _list(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


@pytest.mark.parametrize("fails_on", [1, 2, 3])
async def test_a_job_that_was_cut_off_goes_on_and_no_row_is_twice_or_missing(
    tmp_path: Path, fails_on: int
) -> None:
    with pytest.raises(PowerCut):
        await _run(tmp_path, Judge(fails_on))
    assert "out.csv" not in _list(tmp_path)
    judge = Judge()
    done = await _run(tmp_path, judge)
    assert judge.batches == 3 - (fails_on - 1)
    bad = [f"T{number}" for number in range(1, ROWS + 1) if number % BAD_EVERY == 0]
    assert _read(tmp_path / "bad.csv", "ticket_id") == bad
    good = [f"T{number}" for number in range(1, ROWS + 1) if number % BAD_EVERY]
    assert _read(tmp_path / "out.csv", "ticket_id") == good
    assert done.stages == {"quick": len(good)}
    assert done.categories == {"refund": len(good)}
    assert (done.rows, done.rejected) == (ROWS, len(bad))
    assert _list(tmp_path) == {"out.csv", "bad.csv"}


async def test_what_was_written_but_not_noted_is_done_again(tmp_path: Path) -> None:
    with pytest.raises(PowerCut):
        await _run(tmp_path, Judge(2))
    _append(tmp_path / "out.csv.part", "9999,T9999,half a li")
    await _run(tmp_path, Judge())
    assert "T9999" not in _read(tmp_path / "out.csv", "ticket_id")
    assert len(_read(tmp_path / "out.csv", "ticket_id")) == ROWS - ROWS // BAD_EVERY


async def test_a_job_does_not_go_on_with_another_recipe(tmp_path: Path) -> None:
    with pytest.raises(PowerCut):
        await _run(tmp_path, Judge(2))
    with pytest.raises(TriageError, match="--fresh"):
        await _run(tmp_path, Judge(), recipe="other")


async def test_a_job_killed_while_its_files_are_put_in_place_ends_well(tmp_path: Path) -> None:
    files = _open(tmp_path)
    await _run(tmp_path, Judge())
    files.notebook.write(Progress("same", rows=ROWS, rejected=10, written=True))
    (tmp_path / "bad.csv").rename(tmp_path / "bad.csv.part")
    done = await _run(tmp_path, Judge(1))
    assert done.written
    assert _list(tmp_path) == {"out.csv", "bad.csv"}


async def test_another_file_is_not_taken_for_the_one_that_was_begun(tmp_path: Path) -> None:
    with pytest.raises(PowerCut):
        await _run(tmp_path, Judge(fails_on=2))
    other = [Row(n, {"id": f"X{n}", "text": f"other {n}"}) for n in range(1, ROWS + 1)]
    for rows in (other, other[:5]):
        files = _open(tmp_path)
        progress = files.notebook.read("same")
        with pytest.raises(TriageError, match="not those that this job was begun with"):
            await run_job(rows, recognise(["id", "text"]), Judge(), files, progress)
    assert (await _run(tmp_path, Judge())).rows == ROWS
    assert _read(tmp_path / "out.csv", "ticket_id")[0] == "T1"


async def test_what_came_before_damage_is_kept_and_the_whole_file_goes_on(tmp_path: Path) -> None:
    def read_damaged() -> Iterator[Row]:
        yield from list(_list_rows())[: BATCH + 5]
        raise TriageError("cut off")

    files = _open(tmp_path)
    columns = recognise(["id", "text"])
    with pytest.raises(TriageError, match="cut off"):
        await run_job(read_damaged(), columns, Judge(), files, files.notebook.read("same"))
    assert files.notebook.read("same").rows == BATCH + 5
    assert (await _run(tmp_path, Judge())).rows == ROWS
    ids = _read(tmp_path / "out.csv", "ticket_id")
    assert len(ids) == len(set(ids)) == ROWS - ROWS // BAD_EVERY


async def test_a_result_that_is_gone_half_way_is_said(tmp_path: Path) -> None:
    with pytest.raises(PowerCut):
        await _run(tmp_path, Judge(fails_on=2))
    (tmp_path / "out.csv.part").unlink()
    with pytest.raises(TriageError, match="missing, or shorter"):
        await _run(tmp_path, Judge())
