import asyncio
import csv
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import anyio
import pytest

from agent.triage.cells import list_columns, to_cells
from agent.triage.costs import Cost
from agent.triage.errors import TriageError
from agent.triage.exports import recognise
from agent.triage.job import (
    BATCH,
    REJECT_COLUMNS,
    Batch,
    Files,
    Keeper,
    Notebook,
    Pace,
    Progress,
    Recipe,
    run_job,
)
from agent.triage.rows import Row
from agent.triage.tickets import Ticket
from agent.triage.verdicts import Decision, Stage, Triage
from agent.triage.writing import Cells, Table

ROWS = BATCH * 2 + 7
BAD_EVERY = 100
LONG_S = 20
RECIPE = {"IN": "in.csv", "--effort": "quick"}


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


async def _run(folder: Path, judge: Judge, recipe: Recipe = RECIPE) -> Progress:
    files = _open(folder)
    progress = files.notebook.read(recipe)
    return await run_job(_list_rows(), recognise(["id", "text"]), judge, files, progress)


def _read(path: Path, column: str) -> list[str]:
    with path.open(newline="", encoding="utf-8") as file:
        return [row[column] for row in csv.DictReader(file)]


def _append(path: Path, text: str) -> None:
    with path.open("a") as file:
        file.write(text)


def _read_all(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


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
    with pytest.raises(TriageError, match=r"--effort quick \(now thorough\), --map none \(now id"):
        await _run(tmp_path, Judge(), {**RECIPE, "--effort": "thorough", "--map": "id=key"})
    assert (await _run(tmp_path, Judge())).rows == ROWS


async def test_a_job_killed_while_its_files_are_put_in_place_ends_well(tmp_path: Path) -> None:
    files = _open(tmp_path)
    await _run(tmp_path, Judge())
    files.notebook.write(Progress(RECIPE, rows=ROWS, rejected=10, written=True))
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
        progress = files.notebook.read(RECIPE)
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
        await run_job(read_damaged(), columns, Judge(), files, files.notebook.read(RECIPE))
    assert files.notebook.read(RECIPE).rows == BATCH + 5
    assert (await _run(tmp_path, Judge())).rows == ROWS
    ids = _read(tmp_path / "out.csv", "ticket_id")
    assert len(ids) == len(set(ids)) == ROWS - ROWS // BAD_EVERY


async def test_a_result_that_is_gone_half_way_is_said(tmp_path: Path) -> None:
    with pytest.raises(PowerCut):
        await _run(tmp_path, Judge(fails_on=2))
    (tmp_path / "out.csv.part").unlink()
    with pytest.raises(TriageError, match="missing, or shorter"):
        await _run(tmp_path, Judge())


class Waits:
    """Holds up whoever waits for it, in a thread of their own, until it is let go."""

    def __init__(self) -> None:
        self.reached = threading.Event()
        self.let_go = threading.Event()

    def wait(self) -> None:
        self.reached.set()
        assert self.let_go.wait(LONG_S), "whoever should let go can't: the event loop is blocked"

    async def watch(self) -> None:
        """Let go as soon as the event loop sees that somebody waits."""
        while not self.reached.is_set():  # noqa: ASYNC110 - a thread sets it
            await anyio.sleep(0.001)
        self.let_go.set()


class SlowTable(Table):
    """A table on a slow disk: after the header it waits before it writes."""

    def __init__(self, path: Path, columns: Sequence[str], waits: Waits) -> None:
        super().__init__(path, columns)
        self._waits = waits

    def append(self, rows: Sequence[Cells]) -> int:
        if rows:
            self._waits.wait()
        return super().append(rows)


def _open_slow(folder: Path, waits: Waits) -> Files:
    return replace(
        _open(folder), output=SlowTable(folder / "out.csv", list_columns(["category"]), waits)
    )


async def _go_on(rows: Iterator[Row], files: Files) -> Progress:
    columns = recognise(["id", "text"])
    return await run_job(rows, columns, Judge(), files, files.notebook.read(RECIPE))


async def test_others_are_served_while_a_row_is_waited_for(tmp_path: Path) -> None:
    waits = Waits()

    def read() -> Iterator[Row]:
        waits.wait()
        yield Row(1, {"id": "1", "text": "one"})

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(waits.watch)
        assert (await _go_on(read(), _open(tmp_path))).rows == 1


async def test_others_are_served_while_done_rows_are_passed_over(tmp_path: Path) -> None:
    with pytest.raises(PowerCut):
        await _run(tmp_path, Judge(fails_on=2))
    waits = Waits()

    def read() -> Iterator[Row]:
        waits.wait()
        yield from _list_rows()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(waits.watch)
        assert (await _go_on(read(), _open(tmp_path))).rows == ROWS


async def test_others_are_served_while_rows_are_written(tmp_path: Path) -> None:
    waits = Waits()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(waits.watch)
        assert (await _go_on(_list_rows(), _open_slow(tmp_path, waits))).rows == ROWS


async def test_a_job_that_is_cancelled_while_it_writes_ends_there_and_goes_on(
    tmp_path: Path,
) -> None:
    waits = Waits()
    running = asyncio.create_task(_go_on(_list_rows(), _open_slow(tmp_path, waits)))
    while not waits.reached.is_set():  # noqa: ASYNC110 - a thread sets it
        await anyio.sleep(0.001)
    threading.Timer(0.1, waits.let_go.set).start()
    running.cancel()  # as Ctrl-C does: the thread that writes is not told
    with pytest.raises(asyncio.CancelledError):
        await running
    kept = _open(tmp_path).notebook.read(RECIPE)
    assert kept.rows == BATCH
    assert kept.output_size == (tmp_path / "out.csv.part").stat().st_size
    await _run(tmp_path, Judge())
    good = [f"T{number}" for number in range(1, ROWS + 1) if number % BAD_EVERY]
    assert _read(tmp_path / "out.csv", "ticket_id") == good


async def test_nothing_is_written_once_a_job_has_ended(tmp_path: Path) -> None:
    files = _open(tmp_path)
    keeper = Keeper(files, Progress(RECIPE))
    keeper.open()
    keeper.close()
    before = _read_all(tmp_path)
    row = Row(1, {"id": "1", "text": "one"})
    ticket = Ticket(1, "1", "one")
    keeper.keep(Batch([row], [ticket], []), await Judge()([ticket]), {})
    keeper.end()
    assert _read_all(tmp_path) == before


class Sizes(Judge):
    """Keeps how many tickets it was given at a time."""

    def __init__(self) -> None:
        super().__init__()
        self.sizes: list[int] = []

    async def __call__(self, tickets: Sequence[Ticket]) -> list[tuple[Triage, Cells]]:
        self.sizes.append(len(tickets))
        return await super().__call__(tickets)


async def test_rows_of_a_stream_that_stands_still_are_judged_at_once(tmp_path: Path) -> None:
    judge = Sizes()
    near = iter([True, False, True, True, False, False, True])
    pace = Pace(is_near=lambda _: next(near))
    rows = [Row(n, {"text": f"text {n}"}) for n in range(1, 8)]
    files = _open(tmp_path)
    await run_job(rows, recognise(["text"]), judge, files, Progress(RECIPE), pace=pace)
    assert judge.sizes == [2, 3, 1, 1]


async def test_a_batch_waits_for_more_rows_for_a_quarter_of_a_second_in_all(
    tmp_path: Path,
) -> None:
    asked: list[float] = []
    clock = iter([n / 10 for n in range(100)])

    def is_near(seconds: float) -> bool:
        asked.append(round(seconds, 2))
        return seconds > 0

    pace = Pace(is_near=is_near, now=lambda: next(clock))
    rows = [Row(n, {"text": f"text {n}"}) for n in range(1, 5)]
    judge = Sizes()
    await run_job(rows, recognise(["text"]), judge, _open(tmp_path), Progress(RECIPE), pace=pace)
    assert asked == [0.15, 0.05, -0.05, 0.15]
    assert judge.sizes == [3, 1]


async def test_what_the_batches_cost_is_kept_and_goes_on_to_be_counted(tmp_path: Path) -> None:
    costs = {"quick": Cost(10, 0.5)}
    for fails_on in (2, 0):
        files = _open(tmp_path)
        running = run_job(
            _list_rows(),
            recognise(["id", "text"]),
            Judge(fails_on),
            files,
            files.notebook.read(RECIPE),
            take_costs=lambda: costs,
        )
        if fails_on:
            with pytest.raises(PowerCut):
                await running
    assert (await running).costs == {"quick": Cost(30, 1.5)}
