"""Every error leaves as problem+json (RFC 9457), and none repeats what the client sent."""

import traceback
from collections.abc import Mapping
from http import HTTPStatus
from math import ceil

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from agent.errors import ModelBusy, ModelFailed, ModelUnusable
from agent.triage.errors import TriageError
from api.auth import TokenRefused
from api.identity import IdentityRefused
from api.refusals import ModelRefused, OriginRefused, TooMany
from api.schemas import InvalidField, Problem
from api.startup import NotReady
from api.storage.api_keys import KeyRefused
from api.storage.handoffs import HandoffEnded
from api.storage.ledger import ConversationNotFound, MessageReused, TurnNotFound, UserKnown
from api.storage.sites import SiteNotFound
from api.tickets.refusals import (
    FileRefused,
    InboundClosed,
    JobNotFound,
    JobUnfinished,
    SignatureRefused,
)

MEDIA_TYPE = "application/problem+json"

# Status, kind and detail; where the detail is None, the error's own text holds nobody's words.
KNOWN: dict[type[Exception], tuple[int, str, str | None]] = {
    ModelBusy: (429, "model-busy", None),
    ModelFailed: (503, "model-failed", "The model stopped; try again."),
    ModelUnusable: (
        503,
        "model-unusable",
        "The model cannot be started; see `frontdesk doctor`.",
    ),
    SiteNotFound: (404, "site-not-found", "There is no such site, or it is disabled."),
    IdentityRefused: (401, "identity-refused", None),
    UserKnown: (409, "user-known", "The conversation is another user's; start a new one."),
    OriginRefused: (
        403,
        "origin-refused",
        "This website may not talk to the agent: `frontdesk site origins` lists who may.",
    ),
    ModelRefused: (409, "model-refused", None),
    TooMany: (429, "too-many-requests", None),
    NotReady: (503, "not-ready", None),
    TokenRefused: (401, "token-refused", None),
    KeyRefused: (401, "key-refused", None),
    ConversationNotFound: (404, "conversation-not-found", "There is no such conversation."),
    TurnNotFound: (404, "turn-not-found", "There is no such turn in this conversation."),
    HandoffEnded: (409, "handoff-ended", "No person is awaited; ask for one first."),
    TriageError: (409, "triage", None),
    JobNotFound: (404, "job-not-found", "There is no such job."),
    # It tells a table's columns back to who sent it: nobody could name the right ones otherwise.
    FileRefused: (422, "file-refused", None),
    JobUnfinished: (409, "job-unfinished", "The job is not done, or has no such file."),
    SignatureRefused: (401, "signature-refused", "The signature is wrong, or too old."),
    InboundClosed: (
        404,
        "inbound-closed",
        "No secret is set for this help desk: FRONTDESK_ZENDESK_SECRET and the like.",
    ),
    MessageReused: (409, "message-reused", "This message_id belongs to another text."),
}
UNEXPECTED = (500, "unexpected", "Something went wrong here; it has been logged.")

log = structlog.get_logger(__name__)


def describe(error: Exception) -> Problem:
    """Return what a client may know of an error; anything unexpected is a bare 500."""
    if isinstance(error, RequestValidationError):
        return _describe_invalid(error)
    if isinstance(error, HTTPException):
        return _make(error.status_code, "http", HTTPStatus(error.status_code).description)
    status, kind, detail = KNOWN.get(type(error), UNEXPECTED)
    return _make(status, kind, detail or str(error), _read_pause(error))


def log_unexpected(error: BaseException) -> None:
    """Log where an error came from; its text may hold a customer's words, so it stays out."""
    frames = traceback.extract_tb(error.__traceback__)
    log.error(
        "unexpected_error",
        error=type(error).__qualname__,
        at=[f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames[-8:]],
    )


def respond(problem: Problem, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """Return a problem as a response."""
    more = dict(headers or {})
    if problem.retry_after_s is not None:
        more["Retry-After"] = str(problem.retry_after_s)
    if problem.status == HTTPStatus.UNAUTHORIZED:
        more["WWW-Authenticate"] = "Bearer"
    return JSONResponse(
        problem.model_dump(exclude_none=True), problem.status, more, media_type=MEDIA_TYPE
    )


def add_error_handlers(app: FastAPI) -> None:
    """Make the app answer each error that it knows with its problem."""
    for kind in (*KNOWN, RequestValidationError, HTTPException):
        app.add_exception_handler(kind, _handle)


async def _handle(_request: Request, error: Exception) -> JSONResponse:
    headers = error.headers if isinstance(error, HTTPException) else None
    return respond(describe(error), headers)


def _read_pause(error: Exception) -> float | None:
    match error:
        case ModelBusy() | NotReady() | TooMany():
            return error.retry_after_s
        case ModelFailed():
            return 1
        case _:
            return None


def _make(status: int, kind: str, detail: str, retry_after_s: float | None = None) -> Problem:
    return Problem(
        type=f"urn:frontdesk:{kind}" if kind != "http" else "about:blank",
        title=HTTPStatus(status).phrase,
        status=status,
        detail=detail,
        retry_after_s=ceil(retry_after_s) if retry_after_s is not None else None,
    )


def _describe_invalid(error: RequestValidationError) -> Problem:
    # Neither the value nor its context: both may hold the customer's words, and so may the name
    # of a field that is not ours.
    fields = [
        InvalidField(
            field="" if item["type"] == "extra_forbidden" else ".".join(map(str, item["loc"])),
            message=item["msg"],
        )
        for item in error.errors()
    ]
    made = _make(422, "invalid-request", "The request is not as it should be; see `errors`.")
    return made.model_copy(update={"errors": fields})
