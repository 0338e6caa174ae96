"""A file of tickets from beginning to end, going on where it was interrupted."""

import hashlib
import json
import os
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import islice
from pathlib import Path
from threading import Lock
from typing import Any

from anyio import to_thread

from agent.triage.checking import Reject, check
from agent.triage.costs import Cost, add_costs
from agent.triage.errors import TriageError
from agent.triage.exports import Columns
from agent.triage.rows import Row
from agent.triage.tickets import Ticket
from agent.triage.verdicts import Triage
from agent.triage.writing import Cells, Sink

BATCH = 2_048
LARGEST_BATCH = 8_000_000
PATIENCE_S = 0.25
REJECT_COLUMNS = ("row", "ticket_id", "reason", "text")
LONGEST_REJECTED = 1_000
Recipe = Mapping[str, str]
Judged = Sequence[tuple[Triage, Cells]]
Judge = Callable[[Sequence[Ticket]], Awaitable[Judged]]
Watch = Callable[["Progress"], None]


@dataclass(slots=True)
class Progress:
    """How far a job is: rows read, sizes of both files, what was decided by whom, what it cost.

    `recipe` says what the rows are made with, `digest` what was read: a job goes on only with the
    same.
    """

    recipe: Recipe
    rows: int = 0
    digest: str = ""
    output_size: int = 0
    rejects_size: int = 0
    rejected: int = 0
    written: bool = False
    stages: dict[str, int] = field(default_factory=dict)
    categories: dict[str, int] = field(default_factory=dict)
    persons: dict[str, int] = field(default_factory=dict)
    costs: dict[str, Cost] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Restore what JSON has made of costs."""
        self.costs = {stage: Cost(*each) for stage, each in self.costs.items()}


class Notebook:
    """Progress on disk, replaced whole after each batch; without a path nothing is kept."""

    def __init__(self, path: Path | None) -> None:
        self._path = path

    def exists(self) -> bool:
        """Whether a job was begun and not finished."""
        return self._path is not None and self._path.exists()

    def read(self, recipe: Recipe) -> Progress:
        """Return how far the job is. Raises TriageError if it was begun otherwise."""
        if self._path is None or not self._path.exists():
            return Progress(recipe)
        saved: dict[str, Any] = json.loads(self._path.read_text(encoding="utf-8"))
        progress = Progress(**saved)
        if progress.recipe != recipe:
            raise TriageError(
                f"{self._path} is of a job that was begun with "
                f"{_tell_differences(progress.recipe, recipe)}. Use what it was begun with, or "
                "begin anew with --fresh."
            )
        return progress

    def write(self, progress: Progress) -> None:
        """Keep how far the job is."""
        if self._path is None:
            return
        new = self._path.with_name(self._path.name + ".new")
        with new.open("w", encoding="utf-8") as file:
            json.dump(asdict(progress), file)
            file.flush()
            os.fsync(file.fileno())
        new.replace(self._path)

    def remove(self) -> None:
        """Forget it: the job is done, or begins anew."""
        if self._path is not None:
            self._path.unlink(missing_ok=True)


def _tell_differences(begun: Recipe, wanted: Recipe) -> str:
    return ", ".join(
        f"{name} {begun.get(name) or 'none'} (now {wanted.get(name) or 'none'})"
        for name in {**begun, **wanted}
        if begun.get(name) != wanted.get(name)
    )


@dataclass(frozen=True, slots=True)
class Files:
    """Where a job writes. The notebook is removed when both tables are in their places."""

    output: Sink
    rejects: Sink
    notebook: Notebook

    def forget(self) -> None:
        """Drop what was begun; a finished result stays until another one takes its place."""
        self.notebook.remove()
        self.output.discard()
        self.rejects.discard()


@dataclass(frozen=True, slots=True)
class Pace:
    """How many rows are judged at a time.

    `is_near` tells whether another row comes within so many seconds: rows of a stream that stands
    still are judged soon.
    """

    most: int = BATCH
    is_near: Callable[[float], bool] = lambda _: True
    now: Callable[[], float] = time.monotonic


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows, and what they hold."""

    rows: list[Row]
    tickets: list[Ticket]
    rejects: list[Reject]


async def run_job(  # noqa: PLR0913 - a file in, two files out, and who judges
    rows: Iterable[Row],
    columns: Columns,
    judge: Judge,
    files: Files,
    progress: Progress,
    *,
    watch: Watch = lambda _: None,
    pace: Pace = Pace(),
    take_costs: Callable[[], Mapping[str, Cost]] = dict,
) -> Progress:
    """Triage every row that is not done yet; `take_costs` tells what a batch has cost.

    A batch counts once its rows are on the disk and the notebook says so: a job that is killed
    drops what came after, and does it again. Reading and writing leave the event loop to others.
    """
    if not progress.written:
        left = iter(rows)
        await to_thread.run_sync(_skip, left, progress)
        batches = _read_batches(left, columns, pace)
        keeper = Keeper(files, progress)
        try:
            await to_thread.run_sync(keeper.open)
            while batch := await to_thread.run_sync(next, batches, None):
                judged = await judge(batch.tickets)
                await to_thread.run_sync(keeper.keep, batch, judged, take_costs())
                watch(progress)
            await to_thread.run_sync(keeper.end)
        finally:
            keeper.close()
    await to_thread.run_sync(_finish, files, progress)
    return progress


class Keeper:
    """Puts batches on the disk, in worker threads; once it is closed, nothing more.

    Ctrl-C ends a task that waits for a thread, and not the thread: closing waits for it.
    """

    def __init__(self, files: Files, progress: Progress) -> None:
        self._files = files
        self._progress = progress
        self._lock = Lock()
        self._closed = False

    def open(self) -> None:
        """Cut the files back to what the notebook knows, and begin them if that is nothing."""
        with self._lock:
            if self._closed:
                return
            self._files.output.open(self._progress.output_size)
            self._files.rejects.open(self._progress.rejects_size)
            if not self._progress.rows:
                self._progress.output_size = self._files.output.append([])
                self._files.notebook.write(self._progress)

    def keep(self, batch: Batch, judged: Judged, costs: Mapping[str, Cost]) -> None:
        """Write a batch, and then note that it is written."""
        with self._lock:
            if self._closed:
                return
            self._write(batch.rejects, judged)
            _count_in(self._progress, batch, judged, costs)
            self._files.notebook.write(self._progress)

    def end(self) -> None:
        """Note that all is written."""
        with self._lock:
            if self._closed:
                return
            self._progress.written = True
            self._files.notebook.write(self._progress)

    def close(self) -> None:
        """Close both files as soon as what is being written is."""
        with self._lock:
            self._closed = True
            self._files.output.close()
            self._files.rejects.close()

    def _write(self, rejects: Sequence[Reject], judged: Judged) -> None:
        files, progress = self._files, self._progress
        if judged:
            progress.output_size = files.output.append([cells for _, cells in judged])
        if rejects:
            progress.rejects_size = files.rejects.append([_describe(each) for each in rejects])


def _skip(rows: Iterator[Row], progress: Progress) -> None:
    """Pass over what is done already; raises TriageError if it is not what was read then."""
    digest, passed = "", 0
    for row in islice(rows, progress.rows):
        digest, passed = _digest([row], digest), passed + 1
    if passed < progress.rows or digest != progress.digest:
        raise TriageError(
            f"The first {progress.rows:,} rows are not those that this job was begun with. Give "
            "it the same file, write to another -o, or begin anew with --fresh."
        )


def _digest(rows: Iterable[Row], digest: str) -> str:
    """Return the digest of rows that come after those with a digest."""
    for row in rows:
        told = json.dumps([digest, row.cells, row.problem])  # ASCII, whatever the cells hold
        digest = hashlib.blake2b(told.encode(), digest_size=16).hexdigest()
    return digest


def _read_batches(rows: Iterator[Row], columns: Columns, pace: Pace) -> Iterator[Batch]:
    for part in _split(rows, pace):
        checked = [check(row, columns) for row in part]
        tickets = [each for each in checked if isinstance(each, Ticket)]
        yield Batch(part, tickets, [each for each in checked if isinstance(each, Reject)])


def _split(rows: Iterator[Row], pace: Pace) -> Iterator[list[Row]]:
    batch: list[Row] = []
    size, until = 0, 0.0
    try:
        for row in rows:
            until = until if batch else pace.now() + PATIENCE_S
            batch.append(row)
            size += sum(map(len, row.cells.values()))
            full = len(batch) == pace.most or size > LARGEST_BATCH
            if full or not pace.is_near(until - pace.now()):
                yield batch
                batch, size = [], 0
    except TriageError:
        if batch:  # what came before the damage is not lost
            yield batch
        raise
    if batch:
        yield batch


def _count_in(progress: Progress, batch: Batch, judged: Judged, costs: Mapping[str, Cost]) -> None:
    progress.digest = _digest(batch.rows, progress.digest)
    progress.rows += len(batch.rows)
    progress.rejected += len(batch.rejects)
    progress.costs = add_costs(progress.costs, costs)
    _count(progress.stages, (triage.stage for triage, _ in judged))
    _count(progress.persons, (t.needs_person for t, _ in judged if t.needs_person))
    _count(progress.categories, (next(iter(t.decisions.values())).value for t, _ in judged))


def _count(into: dict[str, int], names: Iterable[str]) -> None:
    for name, count in Counter(names).items():
        into[str(name)] = into.get(str(name), 0) + count


def _describe(reject: Reject) -> Cells:
    text = reject.text.encode("utf-8", "replace").decode()[:LONGEST_REJECTED]
    return {"row": reject.row, "ticket_id": reject.id, "reason": reject.reason, "text": text}


def _finish(files: Files, progress: Progress) -> None:
    """Put both files in their places; whichever is there already was put there before a kill."""
    if progress.rejected:
        files.rejects.finish_once()
    else:
        files.rejects.discard()
    files.output.finish_once()
    files.notebook.remove()
