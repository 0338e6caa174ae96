"""The pages of triage: files that staff upload, what became of them, and what a person settles."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from anyio import to_thread
from fastapi import APIRouter, Depends, File, Form, Request, Response, UploadFile
from fastapi.responses import FileResponse, RedirectResponse

from agent.triage.errors import TriageError
from api.assembly import Services
from api.dependencies import OpenServices
from api.desk.shell import CurrentStaff, render
from api.routes.triage import MEBIBYTE, OpenJobs, send_result
from api.routes.triage import take_file as keep_file
from api.storage.settlements import Choices
from api.tickets.doubts import Doubt, list_doubts
from api.tickets.jobs import DONE, FAILED, REJECTS, RESULT, Job, Jobs
from api.tickets.refusals import FileRefused
from api.tickets.uploads import UTF8, Options, read_options

MOST_SHOWN = 25
NOTHING_FITS = "(none of these)"
WIDER_BODIES = {"/desk/triage": 256 * MEBIBYTE}

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True, slots=True)
class Bar:
    """A name, how many rows it has, and its share of all of them."""

    name: str
    rows: int
    share: float


@router.get("/desk/triage")
async def show_jobs(
    request: Request, staff: CurrentStaff, jobs: OpenJobs, services: OpenServices
) -> Response:
    """Show the files that were triaged, and what they are triaged with."""
    return render(request, staff, "triage.html", **await _gather(jobs, services))


async def _gather(jobs: Jobs, services: Services) -> dict[str, Any]:
    try:
        version, untrained = await to_thread.run_sync(services.triager.read_version), ""
    except TriageError as error:
        version, untrained = "", str(error)
    listed = await to_thread.run_sync(jobs.list_all)
    return {"jobs": listed, "version": version, "untrained": untrained, "given": OptionsForm()}


@dataclass(frozen=True, slots=True)
class OptionsForm:
    """What somebody says about a file: nothing, unless its columns aren't recognised."""

    id_column: Annotated[str, Form()] = ""
    text_columns: Annotated[str, Form()] = ""
    encoding: Annotated[str, Form(max_length=40)] = UTF8
    threshold: Annotated[float | None, Form(ge=0, le=1)] = None

    def read(self) -> Options:
        """Return it as options; raises FileRefused."""
        columns = {"id": self.id_column, "text": self.text_columns}
        pairs = [f"{what}={column}" for what, column in columns.items() if column.strip()]
        return read_options(pairs, self.encoding, self.threshold)


@router.post("/desk/triage")
async def take_file(  # noqa: PLR0913, PLR0917 - what the page sends
    request: Request,
    staff: CurrentStaff,
    jobs: OpenJobs,
    services: OpenServices,
    file: Annotated[UploadFile, File()],
    options: Annotated[OptionsForm, Depends()],
) -> Response:
    """Take a file of tickets and show its page; what can't be used is said on this one."""
    try:
        job = await keep_file(jobs, file, options.read())
    except (FileRefused, TriageError) as error:
        status = 422 if isinstance(error, FileRefused) else 409
        problem = str(error).replace("with map=text=COLUMN", "under Options")
        shown = {**await _gather(jobs, services), "problem": problem, "given": options}
        return render(request, staff, "triage.html", status=status, **shown)
    return RedirectResponse(f"/desk/triage/{job.id}", 303)


@router.get("/desk/triage/{job_id}")
async def show_job(
    request: Request, staff: CurrentStaff, job_id: str, jobs: OpenJobs, services: OpenServices
) -> Response:
    """Show how far a job is; once it is done, what came out and what a person has to settle."""
    job = await to_thread.run_sync(jobs.find, job_id)
    settled: dict[int, Choices] = {}
    doubts: list[Doubt] = []
    labels: Mapping[str, Sequence[str]] = {}
    if job.state == DONE:
        settled = await to_thread.run_sync(services.settlements.list_rows, job_id)
        labels = await _read_labels(services, job)
        path = jobs.locate(job_id, RESULT)
        doubts = await to_thread.run_sync(list_doubts, path, list(labels), set(settled), MOST_SHOWN)
    return render(
        request,
        staff,
        "triage_job.html",
        job=job,
        ended=job.state in {DONE, FAILED},
        doubts=doubts,
        labels=labels,
        settled=len(settled),
        open_rows=max(0, job.progress.stages.get("person", 0) - len(settled)),
        categories=_make_bars(
            _count_anew(job.progress.categories, settled, next(iter(labels), ""))
        ),
        stages=_make_bars(job.progress.stages),
        persons=_make_bars(job.progress.persons),
    )


@router.post("/desk/triage/{job_id}/settle")
async def settle(  # noqa: PLR0913, PLR0917 - what the page sends
    request: Request,
    staff: CurrentStaff,
    job_id: str,
    jobs: OpenJobs,
    services: OpenServices,
    row: Annotated[int, Form(ge=1)],
) -> Response:
    """Keep what somebody chose for a row."""
    job = await to_thread.run_sync(jobs.find, job_id)
    labels = await _read_labels(services, job)
    path = await to_thread.run_sync(jobs.locate, job_id, RESULT)
    form = await request.form()
    for doubt in await to_thread.run_sync(list_doubts, path, list(labels), set(), 1, row):
        chosen = {
            label: str(form[f"label-{label}"])
            for label in doubt.guesses
            if form.get(f"label-{label}") in {"", *labels[label]}
        }
        if len(chosen) == len(doubt.guesses):  # a row is settled as a whole
            member = staff.member.id
            await to_thread.run_sync(
                services.settlements.settle, job_id, row, doubt.text, chosen, member
            )
    return RedirectResponse(f"/desk/triage/{job_id}#doubts", 303)


@router.post("/desk/triage/{job_id}/remove")
async def remove(staff: CurrentStaff, job_id: str, jobs: OpenJobs) -> Response:
    """Delete a job with its files; what was settled stays, as training data."""
    del staff
    await to_thread.run_sync(jobs.remove, job_id)
    return RedirectResponse("/desk/triage", 303)


@router.get("/desk/triage/{job_id}/result.csv")
async def download_result(
    staff: CurrentStaff, job_id: str, jobs: OpenJobs, services: OpenServices
) -> Response:
    """Return the result, with what persons settled filled in."""
    del staff
    return await send_result(job_id, jobs, services)


@router.get("/desk/triage/{job_id}/rejects.csv")
async def download_rejects(staff: CurrentStaff, job_id: str, jobs: OpenJobs) -> Response:
    """Return the rows that hold no ticket."""
    del staff
    path = await to_thread.run_sync(jobs.locate, job_id, REJECTS)
    return FileResponse(path, media_type="text/csv", filename=f"rejects-{job_id}.csv")


async def _read_labels(services: Services, job: Job) -> Mapping[str, Sequence[str]]:
    return await to_thread.run_sync(services.triager.list_labels, job.version)


def _count_anew(
    counts: Mapping[str, int], settled: Mapping[int, Choices], label: str
) -> Mapping[str, int]:
    """Return how many rows each category has, those among them that persons settled."""
    chosen = [choices[label] for choices in settled.values() if label in choices]
    counted = Counter(counts)
    counted[""] -= len(chosen)
    counted.update(value or NOTHING_FITS for value in chosen)
    return {name: rows for name, rows in counted.items() if rows > 0}


def _make_bars(counts: Mapping[str, int]) -> list[Bar]:
    whole = max(sum(counts.values()), 1)
    ordered = sorted(counts.items(), key=lambda item: -item[1])
    return [Bar(name, rows, rows / whole) for name, rows in ordered]
