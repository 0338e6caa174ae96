"""Events of turns and conversations as server-sent events."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager

from anyio import create_memory_object_stream, create_task_group
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from fastapi.sse import ServerSentEvent

from agent.errors import FrontdeskError
from api.errors import describe, log_unexpected
from api.live import Live, Typing
from api.storage.happenings import PREPARED, Happening
from api.storage.ledger import RecordedTurn
from api.turns import Turns

Frames = MemoryObjectReceiveStream[ServerSentEvent]


@asynccontextmanager
async def open_frames(frames: AsyncGenerator[ServerSentEvent]) -> AsyncIterator[Frames]:
    """Run the generator while this is open; leaving early cancels it.

    A task of its own begins and ends it: left to the response, it would be closed by the garbage
    collector, some time after the customer has gone.
    """
    send, receive = create_memory_object_stream[ServerSentEvent](0)
    async with create_task_group() as group:
        group.start_soon(_pump, frames, send)
        async with receive:
            yield receive
        group.cancel_scope.cancel()


async def _pump(
    frames: AsyncGenerator[ServerSentEvent], send: MemoryObjectSendStream[ServerSentEvent]
) -> None:
    async with send, aclosing(frames):
        async for frame in frames:
            await send.send(frame)


async def frame_live(
    live: Live, conversation_id: str, after: int
) -> AsyncGenerator[ServerSentEvent]:
    """Yield what happens in a conversation, and when a person is typing, for its customer."""
    async with aclosing(live.follow(conversation_id, after)) as events:
        async for event in events:
            if isinstance(event, Happening) and event.kind != PREPARED:
                yield ServerSentEvent(event=event.kind, data=event.data, id=str(event.id))
            elif isinstance(event, Typing) and event.who == "person":
                yield ServerSentEvent(event="typing", data={"who": event.who, "name": event.name})


async def frame_turn(turns: Turns, turn: RecordedTurn) -> AsyncGenerator[ServerSentEvent]:
    """Yield a turn's events; an error is the last one."""
    try:
        async with aclosing(turns.run(turn)) as events:
            async for event in events:
                yield ServerSentEvent(event=event.type, data=event)
    except Exception as error:  # noqa: BLE001 - 200 has gone out; an event must say it
        if not isinstance(error, FrontdeskError):
            log_unexpected(error)
        yield ServerSentEvent(event="error", data=describe(error).model_dump(exclude_none=True))
