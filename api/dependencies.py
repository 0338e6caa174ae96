"""What routes ask for."""

from collections.abc import AsyncIterator
from typing import Annotated

from anyio import to_thread
from fastapi import Depends, Header, Path, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from api.assembly import Services
from api.auth import TokenRefused, Tokens
from api.customers import require_allowed
from api.live import Live
from api.metrics import Metrics
from api.origins import is_own
from api.schemas import NewMessage
from api.startup import Startup
from api.storage.ledger import ConversationNotFound, RecordedTurn
from api.streams import Frames, frame_live, frame_turn, open_frames
from api.turns import Turns

TURN_HEADER = "Turn-Id"
bearer = HTTPBearer(
    scheme_name="conversation", description="The conversation's token.", auto_error=False
)


def read_startup(request: Request) -> Startup:
    """Return how far the app has come."""
    startup: Startup = request.app.state.startup
    return startup


def own_metrics(request: Request) -> Metrics:
    """Return the app's figures."""
    metrics: Metrics = request.app.state.metrics
    return metrics


OwnMetrics = Annotated[Metrics, Depends(own_metrics)]


def read_services(startup: Annotated[Startup, Depends(read_startup)]) -> Services:
    """Return the opened services; raises NotReady."""
    return startup.services


OpenServices = Annotated[Services, Depends(read_services)]


def read_origin(request: Request) -> str | None:
    """Return the origin of another website's page; None for our own pages and for programs."""
    origin, host = request.headers.get("origin"), request.headers.get("host")
    return None if origin is None or is_own(origin, host, request.url.scheme) else origin


ForeignOrigin = Annotated[str | None, Depends(read_origin)]


def own_conversation(
    conversation_id: Annotated[str, Path(max_length=64)],
    services: OpenServices,
    origin: ForeignOrigin,
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)],
) -> str:
    """Return the id of the conversation if it is the asker's.

    Raises TokenRefused, OriginRefused on a website that it did not begin on, or
    ConversationNotFound for another's: nobody learns that it exists.
    """
    if credentials is None:
        raise TokenRefused("Send the conversation's token: `Authorization: Bearer <token>`.")
    if Tokens(services.secret).read(credentials.credentials) != conversation_id:
        raise ConversationNotFound(conversation_id)
    if origin is not None:
        site_id = services.ledger.find_customer(conversation_id).site_id
        require_allowed(origin, services.sites.find(site_id) if site_id else None)
    return conversation_id


OwnConversation = Annotated[str, Depends(own_conversation)]


async def own_turn(
    conversation_id: OwnConversation,
    turn_id: Annotated[str, Path(max_length=64)],
    services: OpenServices,
) -> RecordedTurn:
    """Return a turn of the asker's conversation; raises TurnNotFound."""
    return await to_thread.run_sync(services.ledger.turn, conversation_id, turn_id)


OwnTurn = Annotated[RecordedTurn, Depends(own_turn)]


async def begin_turn(
    conversation_id: OwnConversation, message: NewMessage, services: OpenServices
) -> RecordedTurn:
    """Commit the message to the ledger; this runs before the 200 goes out."""
    longest = services.settings.max_message_chars
    if len(message.text) > longest:
        problem = f"Text should have at most {longest} characters"
        raise RequestValidationError(
            [{"type": "string_too_long", "loc": ("body", "text"), "msg": problem}]
        )
    return await to_thread.run_sync(
        services.ledger.begin_turn,
        conversation_id,
        message.text,
        message.message_id,
        message.wish,
    )


def read_turns(request: Request) -> Turns:
    """Return what runs turns."""
    turns: Turns = request.app.state.turns
    return turns


RunningTurns = Annotated[Turns, Depends(read_turns)]


async def stream_new_turn(
    turn: Annotated[RecordedTurn, Depends(begin_turn)], turns: RunningTurns, response: Response
) -> AsyncIterator[Frames]:
    """Run a turn that has just begun, for as long as the response lasts."""
    response.headers[TURN_HEADER] = turn.id
    async with open_frames(frame_turn(turns, turn)) as frames:
        yield frames


async def stream_turn(
    turn: OwnTurn, turns: RunningTurns, response: Response
) -> AsyncIterator[Frames]:
    """Run or replay a turn, for as long as the response lasts."""
    response.headers[TURN_HEADER] = turn.id
    async with open_frames(frame_turn(turns, turn)) as frames:
        yield frames


def read_live(request: Request, services: OpenServices) -> Live:
    """Return what is followed live."""
    del services  # once they are open, so is this
    live: Live = request.app.state.live
    return live


OpenLive = Annotated[Live, Depends(read_live)]


async def follow_conversation(
    conversation_id: OwnConversation,
    live: OpenLive,
    after: Annotated[int, Query(ge=0, le=2**53)] = 0,
    last_event_id: Annotated[int | None, Header(ge=0, le=2**53)] = None,
) -> AsyncIterator[Frames]:
    """Follow the asker's conversation for as long as the response lasts."""
    since = after if last_event_id is None else last_event_id
    async with open_frames(frame_live(live, conversation_id, since)) as frames:
        yield frames


NewFrames = Annotated[Frames, Depends(stream_new_turn)]
TurnFrames = Annotated[Frames, Depends(stream_turn)]
LiveFrames = Annotated[Frames, Depends(follow_conversation)]
