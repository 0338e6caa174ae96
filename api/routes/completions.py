"""OpenAI's chat completions, answered by the agent."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Request, Response
from fastapi.responses import StreamingResponse

from agent.events import Done, Event, Sources
from api.assembly import make_id
from api.dependencies import OpenServices, OwnMetrics
from api.interop.callers import AdmittedCaller
from api.interop.chat import MODEL, ChatRequest, read_request
from api.interop.completion import ChatCompletion, Writer
from api.interop.listening import Listener, listen
from api.interop.refusals import ErrorView, OpenAiRoute, RequestRefused
from api.schemas import Wire
from api.storage.articles import read_utc

REFUSED: dict[int | str, dict[str, Any]] = {
    401: {"model": ErrorView, "description": "The key is missing, unknown or revoked."},
    503: {"model": ErrorView, "description": "Starting, or out of order; see `Retry-After`."},
    # Without it FastAPI would announce its own 422.
    "4XX": {"model": ErrorView, "description": "The request is not as it should be."},
}
REFUSED_CHAT: dict[int | str, dict[str, Any]] = {
    **REFUSED,
    200: {
        "description": "The reply; with `stream`, chunks of it as server-sent events.",
        "content": {"text/event-stream": {"schema": {"type": "string"}}},
    },
    400: {"model": ErrorView, "description": "Something that is not supported; see `param`."},
    404: {"model": ErrorView, "description": "There is no such model."},
    413: {"model": ErrorView, "description": "The body is too large."},
    429: {"model": ErrorView, "description": "The model is busy; see `Retry-After`."},
}
# When this interface was made: clients sort models by it.
CREATED = 1_795_500_000

# Nobody reads it, but it is counted and logged.
CALLER_LEFT = 499

router = APIRouter(prefix="/v1", tags=["completions"], route_class=OpenAiRoute)


class ModelView(Wire):
    """The agent, as a model."""

    id: Literal["frontdesk"] = MODEL
    object: Literal["model"] = "model"
    created: int = CREATED
    owned_by: str


class ModelList(Wire):
    """All models: there is one."""

    object: Literal["list"] = "list"
    data: list[ModelView]


@dataclass(frozen=True, slots=True)
class RunningTurn:
    """A turn that has begun, and what writes it down."""

    request: ChatRequest
    events: Listener
    writer: Writer


async def run_turn(
    chat: ChatRequest,
    caller: AdmittedCaller,
    services: OpenServices,
    metrics: OwnMetrics,
    request: Request,
) -> AsyncIterator[RunningTurn]:
    """Run a turn for as long as the response lasts."""
    asked = read_request(chat, services.settings.max_message_chars)
    events = services.single_turns.run(asked.question, caller.audience, asked.history, metrics)
    writer = Writer(
        asked=asked,
        model=services.model,
        id=f"chatcmpl-{make_id()}",
        created=int(read_utc().timestamp()),
        article_url=services.settings.article_url,
    )
    async with listen(events, request.receive) as listener:
        yield RunningTurn(chat, listener, writer)


@router.post("/chat/completions", response_model=ChatCompletion, responses=REFUSED_CHAT)
async def complete_chat(turn: Annotated[RunningTurn, Depends(run_turn)]) -> object:
    """Answer the last message of a conversation, at once or as it is made; nothing is kept."""
    # Until there is something to say, an error can still have a status of its own.
    first = await _read_first(turn.events)
    if first is None:
        return Response(status_code=CALLER_LEFT)
    if turn.request.stream:
        options = turn.request.stream_options
        with_usage = bool(options and options.include_usage)
        frames = turn.writer.stream(first, turn.events, with_usage=with_usage)
        headers = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
        return StreamingResponse(frames, headers=headers, media_type="text/event-stream")
    last = first
    async for event in turn.events:
        last = event
    if not isinstance(last, Done):
        return Response(status_code=CALLER_LEFT)
    return await turn.writer.complete(last.reply)


@router.get("/models", responses=REFUSED)
async def list_models(caller: AdmittedCaller, services: OpenServices) -> ModelList:
    """List the models: the agent is the only one."""
    del caller
    return ModelList(data=[ModelView(owned_by=services.settings.company)])


@router.get("/models/{name}", responses={**REFUSED, 404: REFUSED_CHAT[404]})
async def read_model(
    name: Annotated[str, Path(max_length=200)], caller: AdmittedCaller, services: OpenServices
) -> ModelView:
    """Describe the agent as a model."""
    del caller
    if name != MODEL:
        raise RequestRefused(f"The only model is `{MODEL}`.", "model", "model_not_found", 404)
    return ModelView(owned_by=services.settings.company)


async def _read_first(events: Listener) -> Event | None:
    async for event in events:
        if not isinstance(event, Sources):
            return event
    return None
