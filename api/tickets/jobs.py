"""Files of tickets that are triaged behind the requests; each job is a folder."""

import json
import shutil
from asyncio import Event
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import BinaryIO

import structlog
from anyio import to_thread

from agent.errors import FrontdeskError
from agent.triage.cells import list_columns, pair_cells
from agent.triage.exports import recognise
from agent.triage.job import REJECT_COLUMNS, Files, Notebook, Pace, Progress, run_job
from agent.triage.reading import open_source
from agent.triage.tickets import Ticket
from agent.triage.verdicts import Triage
from agent.triage.writing import Cells, Table
from api.errors import log_unexpected
from api.tickets.refusals import JobNotFound, JobUnfinished
from api.tickets.triager import Opened, Triager

JOB, INPUT, RESULT, REJECTS, NOTEBOOK = "job.json", "input", "result.csv", "rejects.csv", "progress"
WAITING, RUNNING, DONE, FAILED = "waiting", "running", "done", "failed"
# Single tickets and customers are served between two batches.
BATCH = 128
SUFFIXES = frozenset({".csv", ".tsv", ".txt", ".jsonl", ".ndjson", ".parquet", ".gz"})

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Job:
    """A file of tickets and how far it is; `share` is how much of it was read, from 0 to 1."""

    id: str
    name: str
    created_at: str
    state: str = WAITING
    version: str = ""
    error: str = ""
    share: float = 0.0
    progress: Progress = field(default_factory=lambda: Progress({}))


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

    def add(self, name: str, content: BinaryIO) -> Job:
        """Keep a file, to be triaged as soon as those before it are; blocks."""
        job = Job(self._new_id(), name, self._now().isoformat())
        folder = self._folder / job.id
        folder.mkdir(parents=True)
        with (folder / _name_input(name)).open("wb") as file:
            shutil.copyfileobj(content, file)
        self._write(job)
        return job

    def begin(self) -> None:
        """Let the jobs that wait be done."""
        self._wake.set()

    def find(self, job_id: str) -> Job:
        """Return a job; raises JobNotFound."""
        if Path(job_id).name != job_id:
            raise JobNotFound(job_id)
        try:
            saved = json.loads((self._folder / job_id / JOB).read_text(encoding="utf-8"))
        except (FileNotFoundError, NotADirectoryError) as error:
            raise JobNotFound(job_id) from error
        return Job(**{**saved, "progress": Progress(**saved["progress"])})

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
            self._fail(job_id, str(error))
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
        opened = await self._triager.open(job.version or None)
        job = replace(job, state=RUNNING, version=opened.artefact.version)
        labels = [judge.label for judge in opened.artefact.classifier.judges]
        files = self._open_files(job, labels)
        with ExitStack() as stack:
            opening = open_source(next((self._folder / job.id).glob(f"{INPUT}*")))
            source = await to_thread.run_sync(stack.enter_context, opening)

            def watch(progress: Progress) -> None:
                self._write(replace(job, progress=progress, share=source.share() or 0.0))

            begun = files.notebook.read({"version": job.version})
            watch(begun)
            progress = await run_job(
                source.rows,
                recognise(source.header),
                partial(self._judge, opened),
                files,
                begun,
                watch=watch,
                pace=Pace(BATCH),
            )
        self._write(replace(job, state=DONE, share=1.0, progress=progress))
        log.info("triage_job_done", rows=progress.rows, rejected=progress.rejected)

    async def _judge(self, opened: Opened, tickets: Sequence[Ticket]) -> list[tuple[Triage, Cells]]:
        return pair_cells(tickets, await self._triager.judge(opened, tickets))

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
        new.write_text(json.dumps(asdict(job)), encoding="utf-8")
        new.replace(path)


def _name_input(name: str) -> str:
    suffixes = [suffix.lower() for suffix in Path(name).suffixes[-2:]]
    return INPUT + "".join(suffix for suffix in suffixes if suffix in SUFFIXES)
