"""Triage over HTTP: a ticket, a file of tickets, and what other help desks send."""

import hashlib
import json
from typing import Annotated, Any, Literal

from anyio import to_thread
from fastapi import APIRouter, Depends, File, Form, Path, Request, UploadFile
from fastapi.responses import FileResponse, StreamingResponse
from pydantic import Field
from starlette.exceptions import HTTPException

from agent.triage.cells import rate
from agent.triage.exports import Columns
from agent.triage.tickets import Ticket
from api.assembly import Services, make_id
from api.dependencies import OpenServices
from api.interop.callers import AdmittedCaller, admit
from api.schemas import Plain, Problem, Wire
from api.storage.articles import read_utc
from api.storage.database import Engine, write_to
from api.storage.outbox import TRIAGED, put
from api.tickets.doubts import fill_in
from api.tickets.drafting import draft_reply
from api.tickets.inbound import SENDERS, receive
from api.tickets.jobs import REJECTS, RESULT, Job, Jobs
from api.tickets.refusals import InboundClosed
from api.tickets.uploads import UTF8, Options, read_options

MEBIBYTE = 2**20
WIDER_BODIES = {"/v1/triage/jobs": 256 * MEBIBYTE}
LONGEST_ID = 200
REFUSED: dict[int | str, dict[str, Any]] = {
    401: {"model": Problem, "description": "The key is missing, unknown or revoked."},
    409: {"model": Problem, "description": "Nothing is trained yet, or the job is not done."},
    503: {"model": Problem, "description": "Starting, or out of order; see `Retry-After`."},
}
REFUSED_FILE: dict[int | str, dict[str, Any]] = {
    422: {"model": Problem, "description": "The file, or what is said about it, can't be used."}
}
MISSING: dict[int | str, dict[str, Any]] = {
    404: {"model": Problem, "description": "There is no such job."}
}
TABLE: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/csv": {"schema": {"type": "string"}}}, "description": "CSV."}
}

REFUSED_INBOUND: dict[int | str, dict[str, Any]] = {
    404: {"model": Problem, "description": "No secret is set for this help desk."},
    422: {"model": Problem, "description": "The body is no JSON object."},
}
# What customers wrote does not leave with a webhook, and `why` quotes it.
TOLD = {"id", "version", "labels", "priority", "stage", "needs_person", "language", "sentiment"}

router = APIRouter(prefix="/v1/triage", tags=["triage"], dependencies=[Depends(admit)])
inbound_router = APIRouter(prefix="/v1/inbound", tags=["triage"])


class NewTicket(Wire):
    """A ticket to be triaged; with `draft` a reply is suggested, which takes seconds."""

    text: Annotated[Plain, Field(min_length=1, max_length=100_000)]
    id: Annotated[Plain, Field(max_length=LONGEST_ID)] = ""
    draft: bool = False


class DecisionView(Wire):
    """A label's value, null where a person has to choose; the best guess and how sure it is."""

    value: str | None
    guess: str
    confidence: float


class TriageView(Wire):
    """What is found out about a ticket, by whom, and why.

    `priority` is the label of that name if there is one, null where a person has to choose; else
    `high` for tickets that sound upset or unsafe, `normal` for others.
    """

    id: str
    version: str
    labels: dict[str, DecisionView]
    priority: str | None
    stage: str
    why: str
    needs_person: str | None
    language: str
    sentiment: str
    candidates: dict[str, list[tuple[str, float]]]
    draft: str | None = None
    sources: str | None = None


class MappingView(Wire):
    """The columns that were taken as ids (null: rows are numbered) and as text.

    `export` is the help desk that the file comes from, or what it was recognised as.
    """

    export: str
    id: str | None
    text: list[str]


class JobView(Wire):
    """A file of tickets: how it is read, how far it is, and what was decided.

    `threshold` is the least confidence to decide; null takes what was learnt.
    """

    id: str
    name: str
    created_at: str
    mapping: MappingView | None
    encoding: str
    threshold: float | None
    state: str
    version: str
    error: str | None
    share: float
    rows: int
    rejected: int
    stages: dict[str, int]
    categories: dict[str, int]
    needs_person: dict[str, int]


def read_jobs(request: Request, services: OpenServices) -> Jobs:
    """Return the jobs."""
    del services  # once they are open, so are these
    jobs: Jobs = request.app.state.jobs
    return jobs


def read_form(
    mapping: Annotated[
        list[str],
        Form(
            alias="map",
            default_factory=list,
            description="WHAT=COLUMN, where WHAT is `id` or `text`; may be repeated. Several "
            "columns of text with commas: `text=subject,body`.",
            examples=[["id=number", "text=subject,body"]],
        ),
    ],
    encoding: Annotated[
        str, Form(max_length=40, description="The file's encoding, such as cp1252.")
    ] = UTF8,
    threshold: Annotated[
        float | None,
        Form(ge=0, le=1, description="Least confidence to decide: more of it, fewer decided."),
    ] = None,
) -> Options:
    """Return what a form says about the file in it."""
    return read_options(mapping, encoding, threshold)


GivenOptions = Annotated[Options, Depends(read_form)]
OpenJobs = Annotated[Jobs, Depends(read_jobs)]
JobId = Annotated[str, Path(max_length=64)]


@router.post("", responses=REFUSED)
async def triage_ticket(
    ticket: NewTicket, services: OpenServices, caller: AdmittedCaller
) -> TriageView:
    """Triage a ticket."""
    del caller
    view = await _triage(services, ticket.id, ticket.text)
    if not ticket.draft:
        return view
    longest = services.settings.max_message_chars
    drafted = await draft_reply(services.assistant, ticket.text[:longest])
    return view.model_copy(update=dict(drafted))


@router.post("/jobs", status_code=202, responses=REFUSED | REFUSED_FILE)
async def add_job(
    file: Annotated[UploadFile, File()], options: GivenOptions, jobs: OpenJobs
) -> JobView:
    """Take a file of tickets: CSV, JSONL or Parquet, the first two also with gzip.

    Its columns are recognised at once: what is no table of tickets is refused.
    """
    return view_job(await take_file(jobs, file, options))


async def take_file(jobs: Jobs, file: UploadFile, options: Options) -> Job:
    """Keep a file and let it be triaged; raises TriageError, FileRefused."""
    job = await to_thread.run_sync(jobs.add, file.filename or "tickets.csv", file.file, options)
    jobs.begin()
    return job


@router.get("/jobs", responses=REFUSED)
async def list_jobs(jobs: OpenJobs) -> list[JobView]:
    """List the jobs, the newest first."""
    return [view_job(job) for job in await to_thread.run_sync(jobs.list_all)]


@router.get("/jobs/{job_id}", responses=REFUSED | MISSING)
async def read_job(job_id: JobId, jobs: OpenJobs) -> JobView:
    """Say how far a job is."""
    return view_job(await to_thread.run_sync(jobs.find, job_id))


@router.get(
    "/jobs/{job_id}/result", response_class=StreamingResponse, responses=REFUSED | MISSING | TABLE
)
async def read_result(job_id: JobId, jobs: OpenJobs, services: OpenServices) -> StreamingResponse:
    """Return the triaged tickets of a job that is done, as CSV, with what persons settled."""
    return await send_result(job_id, jobs, services)


async def send_result(job_id: str, jobs: Jobs, services: Services) -> StreamingResponse:
    """Return a job's result with what persons settled; raises JobNotFound or JobUnfinished."""
    path = await to_thread.run_sync(jobs.locate, job_id, RESULT)
    settled = await to_thread.run_sync(services.settlements.list_rows, job_id)
    headers = {"Content-Disposition": f'attachment; filename="triage-{job_id}.csv"'}
    return StreamingResponse(fill_in(path, settled), media_type="text/csv", headers=headers)


@router.get(
    "/jobs/{job_id}/rejects", response_class=FileResponse, responses=REFUSED | MISSING | TABLE
)
async def read_rejects(job_id: JobId, jobs: OpenJobs) -> FileResponse:
    """Return the rows that hold no ticket, with the reason; 409 if there are none."""
    path = await to_thread.run_sync(jobs.locate, job_id, REJECTS)
    return FileResponse(path, media_type="text/csv", filename=f"rejects-{job_id}.csv")


@router.delete("/jobs/{job_id}", status_code=204, responses=REFUSED | MISSING)
async def remove_job(job_id: JobId, jobs: OpenJobs) -> None:
    """Delete a job with its files."""
    await to_thread.run_sync(jobs.remove, job_id)


@inbound_router.post("/{desk}", responses=REFUSED | REFUSED_INBOUND)
async def take_inbound(
    desk: Literal["zendesk", "chatwoot", "zammad"], request: Request, services: OpenServices
) -> TriageView | None:
    """Triage what a help desk's webhook sends; null where it holds no customer's message.

    Webhooks of ours that ask for `ticket.triaged` are told.
    """
    secret = services.settings.find_inbound_secret(desk)
    if secret is None:
        raise InboundClosed
    body, sender = await request.body(), SENDERS[desk]
    receive(sender, secret, request.headers, body, read_utc())
    inbound = sender.read(_read_object(body))
    if inbound is None:
        return None
    view = await _triage(services, inbound.id, inbound.text)
    digest = hashlib.sha256(inbound.text.encode()).hexdigest()
    told = {"desk": desk, **view.model_dump(mode="json", include=TOLD)}
    key = f"triaged:{desk}:{inbound.id}:{view.version}:{digest[:16]}"
    await to_thread.run_sync(_publish, services.engine, key, told)
    return view


def view_job(job: Job) -> JobView:
    """Return what goes over the wire."""
    progress = job.progress
    return JobView(
        id=job.id,
        name=job.name,
        created_at=job.created_at,
        mapping=_view_mapping(job.columns) if job.columns else None,
        encoding=job.options.encoding,
        threshold=job.options.threshold,
        state=job.state,
        version=job.version,
        error=job.error or None,
        share=job.share,
        rows=progress.rows,
        rejected=progress.rejected,
        stages=progress.stages,
        categories=progress.categories,
        needs_person=progress.persons,
    )


def _view_mapping(columns: Columns) -> MappingView:
    return MappingView(export=columns.export, id=columns.id or None, text=list(columns.text))


async def _triage(services: Services, ticket_id: str, text: str) -> TriageView:
    version, (triage,) = await services.triager.triage([Ticket(1, ticket_id, text)])
    labels = {
        label: DecisionView(
            value=decision.value or None, guess=decision.guess, confidence=decision.confidence
        )
        for label, decision in triage.decisions.items()
    }
    return TriageView(
        id=ticket_id,
        version=version,
        labels=labels,
        priority=rate(triage) or None,
        stage=triage.stage,
        why=triage.why,
        needs_person=triage.needs_person or None,
        language=triage.language,
        sentiment=triage.sentiment,
        candidates={label: list(ranked) for label, ranked in triage.candidates.items()},
    )


def _read_object(body: bytes) -> dict[str, Any]:
    try:
        payload = json.loads(body)
    except ValueError:
        payload = None
    if not isinstance(payload, dict):
        raise HTTPException(422)
    return payload


def _publish(engine: Engine, key: str, payload: dict[str, Any]) -> None:
    with write_to(engine) as connection:
        put(connection, TRIAGED, key, payload, read_utc(), make_id)
