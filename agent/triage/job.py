"""A file of tickets from beginning to end, going on where it was interrupted."""

import hashlib
import json
import os
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from agent.triage.checking import Reject, check
from agent.triage.errors import TriageError
from agent.triage.exports import Columns
from agent.triage.rows import Row
from agent.triage.tickets import Ticket
from agent.triage.verdicts import Triage
from agent.triage.writing import Cells, Sink

BATCH = 2_048
LARGEST_BATCH = 8_000_000
REJECT_COLUMNS = ("row", "ticket_id", "reason", "text")
LONGEST_REJECTED = 1_000
Judge = Callable[[Sequence[Ticket]], Awaitable[Sequence[tuple[Triage, Cells]]]]
Watch = Callable[["Progress"], None]


@dataclass(slots=True)
class Progress:
    """How far a job is: rows read, sizes of both files, and what was decided by whom.

    `recipe` says what the rows are made with, `digest` what was read: a job goes on only with the
    same.
    """

    recipe: str
    rows: int = 0
    digest: str = ""
    output_size: int = 0
    rejects_size: int = 0
    rejected: int = 0
    written: bool = False
    stages: dict[str, int] = field(default_factory=dict)
    categories: dict[str, int] = field(default_factory=dict)
    persons: dict[str, int] = field(default_factory=dict)


class Notebook:
    """Progress on disk, replaced whole after each batch; without a path nothing is kept."""

    def __init__(self, path: Path | None) -> None:
        self._path = path

    def exists(self) -> bool:
        """Whether a job was begun and not finished."""
        return self._path is not None and self._path.exists()

    def read(self, recipe: str) -> Progress:
        """Return how far the job is. Raises TriageError if it was begun otherwise."""
        if self._path is None or not self._path.exists():
            return Progress(recipe)
        saved: dict[str, Any] = json.loads(self._path.read_text(encoding="utf-8"))
        progress = Progress(**saved)
        if progress.recipe != recipe:
            raise TriageError(
                f"{self._path} is of a job that was begun with another file, classifier or "
                "options. Use those, or begin anew with --fresh."
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


async def run_job(  # noqa: PLR0913 - a file in, two files out, and who judges
    rows: Iterable[Row],
    columns: Columns,
    judge: Judge,
    files: Files,
    progress: Progress,
    *,
    watch: Watch = lambda _: None,
    batch: int = BATCH,
) -> Progress:
    """Triage every row that is not done yet.

    A batch counts once its rows are on the disk and the notebook says so: a job that is killed
    drops what came after, and does it again.
    """
    if not progress.written:
        left = iter(rows)
        _skip(left, progress)
        try:
            _open(files, progress)
            for part in _split(left, batch):
                await _do_batch([check(row, columns) for row in part], judge, files, progress)
                progress.digest = _digest(part, progress.digest)
                files.notebook.write(progress)
                watch(progress)
        finally:
            files.output.close()
            files.rejects.close()
        progress.written = True
        files.notebook.write(progress)
    _finish(files, progress)
    return progress


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


def _open(files: Files, progress: Progress) -> None:
    files.output.open(progress.output_size)
    files.rejects.open(progress.rejects_size)
    if not progress.rows:
        progress.output_size = files.output.append([])
        files.notebook.write(progress)


def _split(rows: Iterator[Row], most: int) -> Iterator[list[Row]]:
    batch: list[Row] = []
    size = 0
    try:
        for row in rows:
            batch.append(row)
            size += sum(map(len, row.cells.values()))
            if len(batch) == most or size > LARGEST_BATCH:
                yield batch
                batch, size = [], 0
    except TriageError:
        if batch:  # what came before the damage is not lost
            yield batch
        raise
    if batch:
        yield batch


async def _do_batch(
    checked: Sequence[Ticket | Reject], judge: Judge, files: Files, progress: Progress
) -> None:
    tickets = [each for each in checked if isinstance(each, Ticket)]
    rejects = [each for each in checked if isinstance(each, Reject)]
    judged = await judge(tickets)
    if judged:
        progress.output_size = files.output.append([cells for _, cells in judged])
    if rejects:
        progress.rejects_size = files.rejects.append([_describe(each) for each in rejects])
    progress.rows += len(checked)
    progress.rejected += len(rejects)
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
