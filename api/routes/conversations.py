"""Conversations: start, say something, read back, rate."""

from collections.abc import AsyncIterator
from typing import Any

from anyio import to_thread
from fastapi import APIRouter
from fastapi.sse import EventSourceResponse, ServerSentEvent

from api.assembly import Services
from api.auth import Tokens
from api.customers import read_customer
from api.dependencies import (
    ForeignOrigin,
    LiveFrames,
    NewFrames,
    OpenLive,
    OpenServices,
    OwnConversation,
    OwnTurn,
    TurnFrames,
)
from api.identity import IdentityRefused, read_user
from api.schemas import (
    ConversationView,
    HandoffView,
    NewConversation,
    NewEmail,
    NewRating,
    NewUser,
    PersonMessageView,
    Problem,
    StartedConversation,
    TurnView,
)
from api.storage.articles import read_utc
from api.storage.handoffs import PersonMessage
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
STARTABLE: dict[int | str, dict[str, Any]] = {
    **STARTING,
    401: {**PROBLEM, "description": "The user token is not one that the site signed for now."},
    404: {**PROBLEM, "description": "There is no such site, or it is disabled."},
    422: OWNED[422],
}
EVENTS = (
    "Server-sent events: `sources`, then `sentence`s or a `clarification` or `handed_off`, then "
    "`done` with the whole reply; or `error` with a problem. The header `Turn-Id` names the turn."
)
USING: dict[int | str, dict[str, Any]] = {
    **OWNED,
    409: {**PROBLEM, "description": "The conversation is another user's."},
}
HAPPENINGS = (
    "Server-sent events with ids to go on from: `asked`, `replied`, `waiting`, `taken`, `message`, "
    "`returned`, `closed`, `emailed`, `rated`, and `typing`, which has no id."
)

router = APIRouter(prefix="/v1/conversations", tags=["conversations"])


@router.post("", status_code=201, responses=STARTABLE)
async def start_conversation(
    services: OpenServices, origin: ForeignOrigin, new: NewConversation | None = None
) -> StartedConversation:
    """Start a conversation; whoever holds the token owns it."""
    known = new or NewConversation()
    customer = await to_thread.run_sync(read_customer, known, services.sites, read_utc(), origin)
    started = await to_thread.run_sync(services.ledger.start_conversation, "public", customer)
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
    return await to_thread.run_sync(_view, services, conversation_id)


@router.get(
    "/{conversation_id}/live",  # noqa: FAST003 - its dependencies take the ids
    response_class=EventSourceResponse,
    responses=OWNED,
    response_description=HAPPENINGS,
)
async def follow(frames: LiveFrames) -> AsyncIterator[ServerSentEvent]:
    """Follow what happens in a conversation, from `after` or `Last-Event-ID` on, without end."""
    async for frame in frames:
        yield frame


@router.post("/{conversation_id}/user", status_code=204, responses=USING)
async def tie_to_user(
    conversation_id: OwnConversation, user: NewUser, services: OpenServices
) -> None:
    """Say who the customer is, once they have logged in on the site."""
    await to_thread.run_sync(_tie, services, conversation_id, user.user_token)


@router.post(
    "/{conversation_id}/typing",
    status_code=204,
    responses=OWNED,
)
async def say_typing(conversation_id: OwnConversation, live: OpenLive) -> None:
    """Say that the customer is writing; it holds for five seconds."""
    live.type(conversation_id, "customer")


@router.post(
    "/{conversation_id}/email",
    status_code=204,
    responses={**TAKING, 409: {**PROBLEM, "description": "No person is awaited."}},
)
async def leave_email(
    conversation_id: OwnConversation, left: NewEmail, services: OpenServices, live: OpenLive
) -> None:
    """Leave an address to write to, where nobody is there to take a hand-off."""
    await to_thread.run_sync(services.handoffs.leave_email, conversation_id, left.email)
    live.wake()


@router.post(
    "/{conversation_id}/turns/{turn_id}/rating",  # noqa: FAST003 - its dependencies take the ids
    status_code=204,
    responses={**OWNED, 413: TAKING[413]},
)
async def rate_turn(
    turn: OwnTurn, rating: NewRating, services: OpenServices, live: OpenLive
) -> None:
    """Say whether a reply helped; the last word counts."""
    await to_thread.run_sync(services.ledger.rate, turn.id, rating.helpful, rating.comment)
    live.wake()


def _tie(services: Services, conversation_id: str, token: str) -> None:
    site_id = services.ledger.find_customer(conversation_id).site_id
    if site_id is None:
        raise IdentityRefused("The conversation began without a site's key.")
    user = read_user(token, services.sites.find(site_id), read_utc())
    services.ledger.tie_to_user(conversation_id, user)


def _view(services: Services, conversation_id: str) -> ConversationView:
    # The number comes first: what happens meanwhile is then told twice rather than never.
    latest = services.happenings.latest(conversation_id)
    read = services.ledger.read(conversation_id)
    return ConversationView(
        conversation_id=read.id,
        started_at=read.started_at,
        turns=[_show_turn(turn) for turn in read.turns],
        messages=[_show_message(m) for m in services.handoffs.messages(conversation_id)],
        handoff=_show_handoff(services, conversation_id),
        latest=latest,
    )


def _show_message(message: PersonMessage) -> PersonMessageView:
    return PersonMessageView(
        message_id=message.message_id,
        text=message.text,
        name=message.staff_name,
        sources=list(message.sources),
        created_at=message.created_at,
    )


def _show_handoff(services: Services, conversation_id: str) -> HandoffView | None:
    found = services.handoffs.current(conversation_id)
    if found is None:
        return None
    return HandoffView(
        state="taken" if found.state == "taken" else "waiting",
        reason=found.reason,
        name=found.staff_name,
        attended=services.presence.is_attended(),
        emailed=found.email is not None,
    )


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
