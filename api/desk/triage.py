"""The pages of triage: files that staff upload, what became of them, and what a person settles."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from anyio import to_thread
from fastapi import APIRouter, File, Form, Request, Response, UploadFile
from fastapi.responses import FileResponse, RedirectResponse, StreamingResponse

from agent.triage.errors import TriageError
from api.dependencies import OpenServices
from api.desk.shell import CurrentStaff, render
from api.routes.triage import MEBIBYTE, OpenJobs
from api.storage.settlements import Choices  # noqa: TC001 - as the routes' other types
from api.tickets.doubts import Doubt, fill_in, list_doubts
from api.tickets.jobs import DONE, FAILED, REJECTS, RESULT, Job

MOST_SHOWN = 25
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
    version, problem = await _read_version(services)
    listed = await to_thread.run_sync(jobs.list_all)
    return render(request, staff, "triage.html", jobs=listed, version=version, untrained=problem)


@router.post("/desk/triage")
async def take_file(
    request: Request,
    staff: CurrentStaff,
    jobs: OpenJobs,
    file: Annotated[UploadFile, File()],
) -> Response:
    """Take a file of tickets and show its page."""
    del request, staff
    job = await to_thread.run_sync(jobs.add, file.filename or "tickets.csv", file.file)
    jobs.begin()
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
        categories=_make_bars(job.progress.categories),
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
    chosen = {
        label: str(form[f"label-{label}"])
        for label, names in labels.items()
        if form.get(f"label-{label}") in {"", *names}
    }
    found = await to_thread.run_sync(list_doubts, path, list(labels), set(), 1, row)
    if chosen and found:
        member = staff.member.id
        await to_thread.run_sync(
            services.settlements.settle, job_id, row, found[0].text, chosen, member
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
    path = await to_thread.run_sync(jobs.locate, job_id, RESULT)
    settled = await to_thread.run_sync(services.settlements.list_rows, job_id)
    headers = {"Content-Disposition": f'attachment; filename="triage-{job_id}.csv"'}
    return StreamingResponse(fill_in(path, settled), media_type="text/csv", headers=headers)


@router.get("/desk/triage/{job_id}/rejects.csv")
async def download_rejects(staff: CurrentStaff, job_id: str, jobs: OpenJobs) -> Response:
    """Return the rows that hold no ticket."""
    del staff
    path = await to_thread.run_sync(jobs.locate, job_id, REJECTS)
    return FileResponse(path, media_type="text/csv", filename=f"rejects-{job_id}.csv")


async def _read_version(services: Any) -> tuple[str, str]:  # noqa: ANN401 - the services
    try:
        return await to_thread.run_sync(services.triager.read_version), ""
    except TriageError as error:
        return "", str(error)


async def _read_labels(services: Any, job: Job) -> Mapping[str, Sequence[str]]:  # noqa: ANN401
    return await to_thread.run_sync(services.triager.list_labels, job.version)


def _make_bars(counts: Mapping[str, int]) -> list[Bar]:
    whole = max(sum(counts.values()), 1)
    ordered = sorted(counts.items(), key=lambda item: -item[1])
    return [Bar(name, rows, rows / whole) for name, rows in ordered]
