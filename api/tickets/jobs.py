"""Files of tickets that are triaged behind the requests; each job is a folder."""

import shutil
from asyncio import Event
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import BinaryIO

import structlog
from anyio import to_thread
from pydantic import TypeAdapter

from agent.errors import FrontdeskError
from agent.triage.cells import list_columns, pair_cells
from agent.triage.exports import Columns, recognise
from agent.triage.job import REJECT_COLUMNS, Files, Notebook, Pace, Progress, run_job
from agent.triage.reading import open_source
from agent.triage.rows import Source
from agent.triage.tickets import Ticket
from agent.triage.verdicts import Triage
from agent.triage.writing import Cells, Table
from api.errors import log_unexpected
from api.tickets.refusals import JobNotFound, JobUnfinished
from api.tickets.triager import Opened, Triager
from api.tickets.uploads import PLAIN, Options, count_rows, retell, survey

JOB, INPUT, RESULT, REJECTS, NOTEBOOK = "job.json", "input", "result.csv", "rejects.csv", "progress"
WAITING, RUNNING, DONE, FAILED = "waiting", "running", "done", "failed"
# Single tickets and customers are served between two batches.
BATCH = 128
# The language model takes seconds a ticket: with few at a time, the page still shows progress.
SLOW_BATCH = 8
SUFFIXES = frozenset({".csv", ".tsv", ".txt", ".jsonl", ".ndjson", ".parquet", ".gz"})

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Job:
    """A file of tickets and how far it is; `share` of its rows, from 0 to 1, are done.

    `columns` are those that the file was recognised by when it came.
    """

    id: str
    name: str
    created_at: str
    options: Options = PLAIN
    columns: Columns | None = None
    state: str = WAITING
    version: str = ""
    error: str = ""
    share: float = 0.0
    progress: Progress = field(default_factory=lambda: Progress({}))


SAVED = TypeAdapter(Job)


class Jobs:
    """Keeps the jobs of a folder and does them one after another, across restarts."""

    def __init__(
        self,
        folder: Path,
        triager: Triager,
        now: Callable[[], datetime],
        new_id: Callable[[], str],
    ) -> None:
        self._folder = folder
        self._triager = triager
        self._now = now
        self._new_id = new_id
        self._wake = Event()

    def add(self, name: str, content: BinaryIO, options: Options = PLAIN) -> Job:
        """Keep a file, to be triaged as soon as those before it are; blocks.

        Raises TriageError if nothing is trained, FileRefused if it is no table of tickets.
        """
        self._triager.read_version()
        job = Job(self._new_id(), name, self._now().isoformat(), options)
        path = self._locate_input(job)
        path.parent.mkdir(parents=True)
        try:
            with path.open("wb") as file:
                shutil.copyfileobj(content, file)
            job = replace(job, columns=survey(path, name, options))
            self._write(job)
        except BaseException:
            shutil.rmtree(path.parent)
            raise
        return job

    def begin(self) -> None:
        """Let the jobs that wait be done."""
        self._wake.set()

    def find(self, job_id: str) -> Job:
        """Return a job; raises JobNotFound."""
        if Path(job_id).name != job_id:
            raise JobNotFound(job_id)
        try:
            return SAVED.validate_json((self._folder / job_id / JOB).read_bytes())
        except (FileNotFoundError, NotADirectoryError) as error:
            raise JobNotFound(job_id) from error

    def list_all(self) -> list[Job]:
        """Return all jobs, the newest first."""
        found = []
        for path in self._folder.glob(f"*/{JOB}"):
            with suppress(JobNotFound):  # it was removed since
                found.append(self.find(path.parent.name))
        return sorted(found, key=lambda job: job.created_at, reverse=True)

    def locate(self, job_id: str, name: str) -> Path:
        """Return a file of a job that is done; raises JobNotFound or JobUnfinished."""
        self.find(job_id)
        path = self._folder / job_id / name
        if not path.exists():
            raise JobUnfinished(job_id)
        return path

    def remove(self, job_id: str) -> None:
        """Delete a job with its files; raises JobNotFound, or JobUnfinished while it runs."""
        if self.find(job_id).state == RUNNING:
            raise JobUnfinished(job_id)
        shutil.rmtree(self._folder / job_id)

    async def run(self) -> None:
        """Do what waits, or what a restart has left half done; never returns."""
        while True:
            self._wake.clear()
            try:
                jobs = await to_thread.run_sync(self.list_all)
            except Exception as error:  # noqa: BLE001 - no file in the folder may end the service
                log_unexpected(error)
                jobs = []
            for job in reversed(jobs):
                await self._try(job.id)
            await self._wake.wait()

    async def _try(self, job_id: str) -> None:
        try:
            job = self.find(job_id)  # it may have been removed while others were done
            if job.state in {WAITING, RUNNING}:
                await self._do(job)
        except JobNotFound:
            return
        except FrontdeskError as error:
            self._fail(job_id, retell(error, self._locate_input(job), job.name))
        except Exception as error:  # noqa: BLE001 - the next job can be done all the same
            log_unexpected(error)
            self._fail(job_id, "Something went wrong; see the log.")

    def _fail(self, job_id: str, why: str) -> None:
        """Note why a job failed; where even that fails, the service goes on."""
        try:
            self._write(replace(self.find(job_id), state=FAILED, error=why))
        except JobNotFound:
            return
        except Exception as error:  # noqa: BLE001 - a full disk, say
            log_unexpected(error)

    async def _do(self, job: Job) -> None:
        # A job that was begun ends with the version it was begun with, whatever was trained since.
        opened = await self._triager.open_apart(job.version or None, job.options.threshold)
        job = replace(job, state=RUNNING, version=opened.artefact.version)
        self._write(job)
        path, encoding = self._locate_input(job), job.options.encoding
        # Where the file is damaged, this says so before minutes are spent on what comes before.
        rows = await to_thread.run_sync(count_rows, path, encoding, abandon_on_cancel=True)
        with ExitStack() as stack:
            opening = open_source(path, encoding=encoding)
            source = await to_thread.run_sync(stack.enter_context, opening)
            progress = await self._triage(job, opened, source, rows)
        self._write(replace(job, state=DONE, share=1.0, progress=progress))
        log.info("triage_job_done", rows=progress.rows, rejected=progress.rejected)

    async def _triage(self, job: Job, opened: Opened, source: Source, rows: int) -> Progress:
        files = self._open_files(job, [each.label for each in opened.cascade.judges])
        begun = files.notebook.read({"version": job.version})

        def watch(progress: Progress) -> None:
            self._write(replace(job, progress=progress, share=progress.rows / max(rows, 1)))

        watch(begun)
        return await run_job(
            source.rows,
            recognise(source.header, job.options.mapping),
            partial(self._judge, opened),
            files,
            begun,
            watch=watch,
            pace=Pace(SLOW_BATCH if opened.asking else BATCH),
        )

    async def _judge(self, opened: Opened, tickets: Sequence[Ticket]) -> list[tuple[Triage, Cells]]:
        return pair_cells(tickets, await self._triager.judge(opened, tickets))

    def _locate_input(self, job: Job) -> Path:
        return self._folder / job.id / _name_input(job.name)

    def _open_files(self, job: Job, labels: Sequence[str]) -> Files:
        folder = self._folder / job.id
        return Files(
            Table(folder / RESULT, list_columns(labels)),
            Table(folder / REJECTS, REJECT_COLUMNS),
            Notebook(folder / NOTEBOOK),
        )

    def _write(self, job: Job) -> None:
        path = self._folder / job.id / JOB
        new = path.with_suffix(".new")
        new.write_bytes(SAVED.dump_json(job))
        new.replace(path)


def _name_input(name: str) -> str:
    suffixes = [suffix.lower() for suffix in Path(name).suffixes[-2:]]
    return INPUT + "".join(suffix for suffix in suffixes if suffix in SUFFIXES)
