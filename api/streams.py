"""A turn's events as server-sent events."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager

from anyio import create_memory_object_stream, create_task_group
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from fastapi.sse import ServerSentEvent

from agent.errors import FrontdeskError
from api.errors import describe, log_unexpected
from api.storage.ledger import RecordedTurn
from api.turns import Turns

Frames = MemoryObjectReceiveStream[ServerSentEvent]


@asynccontextmanager
async def open_frames(turns: Turns, turn: RecordedTurn) -> AsyncIterator[Frames]:
    """Run the turn while this is open; leaving early cancels it.

    A task of its own begins and ends the turn's generators: left to the response, they would be
    closed by the garbage collector, some time after the customer has gone.
    """
    send, receive = create_memory_object_stream[ServerSentEvent](0)
    async with create_task_group() as group:
        group.start_soon(_pump, turns, turn, send)
        async with receive:
            yield receive
        group.cancel_scope.cancel()


async def _pump(
    turns: Turns, turn: RecordedTurn, send: MemoryObjectSendStream[ServerSentEvent]
) -> None:
    async with send, aclosing(_frame(turns, turn)) as frames:
        async for frame in frames:
            await send.send(frame)


async def _frame(turns: Turns, turn: RecordedTurn) -> AsyncGenerator[ServerSentEvent]:
    try:
        async with aclosing(turns.run(turn)) as events:
            async for event in events:
                yield ServerSentEvent(event=event.type, data=event)
    except Exception as error:  # noqa: BLE001 - 200 has gone out; an event must say it
        if not isinstance(error, FrontdeskError):
            log_unexpected(error)
        yield ServerSentEvent(event="error", data=describe(error).model_dump(exclude_none=True))
