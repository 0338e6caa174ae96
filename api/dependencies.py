"""What routes ask for."""

from collections.abc import AsyncIterator
from typing import Annotated

from anyio import to_thread
from fastapi import Depends, Path, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from api.assembly import Services
from api.auth import TokenRefused, Tokens
from api.metrics import Metrics
from api.schemas import NewMessage
from api.startup import Startup
from api.storage.ledger import ConversationNotFound, RecordedTurn
from api.streams import Frames, open_frames
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


def read_services(startup: Annotated[Startup, Depends(read_startup)]) -> Services:
    """Return the opened services; raises NotReady."""
    return startup.services


OpenServices = Annotated[Services, Depends(read_services)]


def own_conversation(
    conversation_id: Annotated[str, Path(max_length=64)],
    services: OpenServices,
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)],
) -> str:
    """Return the id of the conversation if it is the asker's.

    Raises TokenRefused, or ConversationNotFound for another's: nobody learns that it exists.
    """
    if credentials is None:
        raise TokenRefused("Send the conversation's token: `Authorization: Bearer <token>`.")
    if Tokens(services.secret).read(credentials.credentials) != conversation_id:
        raise ConversationNotFound(conversation_id)
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
        services.ledger.begin_turn, conversation_id, message.text, message.message_id
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
    async with open_frames(turns, turn) as frames:
        yield frames


async def stream_turn(
    turn: OwnTurn, turns: RunningTurns, response: Response
) -> AsyncIterator[Frames]:
    """Run or replay a turn, for as long as the response lasts."""
    response.headers[TURN_HEADER] = turn.id
    async with open_frames(turns, turn) as frames:
        yield frames


NewFrames = Annotated[Frames, Depends(stream_new_turn)]
TurnFrames = Annotated[Frames, Depends(stream_turn)]
