"""Conversations: start, say something, read back, rate."""

from collections.abc import AsyncIterator
from typing import Any

from anyio import to_thread
from fastapi import APIRouter
from fastapi.sse import EventSourceResponse, ServerSentEvent

from api.auth import Tokens
from api.dependencies import (
    NewFrames,
    OpenServices,
    OwnConversation,
    OwnTurn,
    TurnFrames,
)
from api.schemas import ConversationView, NewRating, Problem, StartedConversation, TurnView
from api.storage.articles import read_utc
from api.storage.ledger import RecordedTurn

PROBLEM: dict[str, Any] = {
    "model": Problem,
    "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
}
STARTING: dict[int | str, dict[str, Any]] = {
    503: {**PROBLEM, "description": "Starting, or out of order; `Retry-After` says when to ask."}
}
OWNED: dict[int | str, dict[str, Any]] = {
    401: {**PROBLEM, "description": "The token is missing, malformed or expired."},
    404: {**PROBLEM, "description": "Not found, or another's."},
    422: {**PROBLEM, "description": "The request is not as it should be."},
    **STARTING,
}
TAKING: dict[int | str, dict[str, Any]] = {
    **OWNED,
    409: {**PROBLEM, "description": "The message_id belongs to another text."},
    413: {**PROBLEM, "description": "The body is too large."},
}
EVENTS = (
    "Server-sent events: `sources`, then `sentence`s or a `clarification` or `handed_off`, then "
    "`done` with the whole reply; or `error` with a problem. The header `Turn-Id` names the turn."
)

router = APIRouter(prefix="/v1/conversations", tags=["conversations"])


@router.post("", status_code=201, responses=STARTING)
async def start_conversation(services: OpenServices) -> StartedConversation:
    """Start a conversation; whoever holds the token owns it."""
    started = await to_thread.run_sync(services.ledger.start_conversation, "public")
    token = Tokens(services.secret).issue(started.id, read_utc())
    return StartedConversation(conversation_id=started.id, token=token)


@router.post(
    "/{conversation_id}/messages",  # noqa: FAST003 - its dependencies take the ids
    response_class=EventSourceResponse,
    responses=TAKING,
    response_description=EVENTS,
)
async def send_message(frames: NewFrames) -> AsyncIterator[ServerSentEvent]:
    """Say something and read the reply as it comes; the message is stored before the 200."""
    async for frame in frames:
        yield frame


@router.get(
    "/{conversation_id}/turns/{turn_id}/events",  # noqa: FAST003 - its dependencies take the ids
    response_class=EventSourceResponse,
    responses=OWNED,
    response_description=EVENTS,
)
async def read_events(frames: TurnFrames) -> AsyncIterator[ServerSentEvent]:
    """Read a turn's events again, or finish a turn that was cut off."""
    async for frame in frames:
        yield frame


@router.get("/{conversation_id}", responses=OWNED)
async def read_conversation(
    conversation_id: OwnConversation, services: OpenServices
) -> ConversationView:
    """Read a conversation back."""
    read = await to_thread.run_sync(services.ledger.read, conversation_id)
    return ConversationView(
        conversation_id=read.id,
        started_at=read.started_at,
        turns=[_show_turn(turn) for turn in read.turns],
    )


@router.post(
    "/{conversation_id}/turns/{turn_id}/rating",  # noqa: FAST003 - its dependencies take the ids
    status_code=204,
    responses={**OWNED, 413: TAKING[413]},
)
async def rate_turn(turn: OwnTurn, rating: NewRating, services: OpenServices) -> None:
    """Say whether a reply helped; the last word counts."""
    await to_thread.run_sync(services.ledger.rate, turn.id, rating.helpful, rating.comment)


def _show_turn(turn: RecordedTurn) -> TurnView:
    rated = turn.rating
    return TurnView(
        turn_id=turn.id,
        question=turn.question,
        status=turn.status,
        created_at=turn.created_at,
        reply=turn.reply,
        rating=NewRating(helpful=rated.helpful, comment=rated.comment) if rated else None,
    )
