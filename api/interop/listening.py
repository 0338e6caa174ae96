"""Running a turn for as long as somebody listens."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager

from anyio import CancelScope, EndOfStream, create_memory_object_stream, create_task_group
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from starlette.types import Receive

from agent.events import Event


class Listener:
    """Gives a turn's events, or raises what the turn raised; ends early if the caller left."""

    def __init__(self, events: MemoryObjectReceiveStream[Event | Exception]) -> None:
        self._events = events

    def __aiter__(self) -> "Listener":
        """Return itself: events are given once."""
        return self

    async def __anext__(self) -> Event:
        """Return the next event."""
        try:
            event = await self._events.receive()
        except EndOfStream:
            raise StopAsyncIteration from None
        if isinstance(event, Exception):
            raise event
        return event


@asynccontextmanager
async def listen(events: AsyncGenerator[Event], receive: Receive) -> AsyncIterator[Listener]:
    """Run a turn while this is open and the caller is there; then close it, freeing the model.

    `receive` is the request's, its body read. A task of its own begins and ends the generator.
    """
    send, given = create_memory_object_stream[Event | Exception](0)
    turn = CancelScope()
    async with create_task_group() as group:
        group.start_soon(_pump, events, send, turn)
        group.start_soon(_watch, receive, turn)
        async with given:
            yield Listener(given)
        group.cancel_scope.cancel()


async def _pump(
    events: AsyncGenerator[Event],
    send: MemoryObjectSendStream[Event | Exception],
    turn: CancelScope,
) -> None:
    with turn:
        async with send:
            try:
                async with aclosing(events):
                    async for event in events:
                        await send.send(event)
            except Exception as error:  # noqa: BLE001 - raised again where it is listened to
                await send.send(error)


async def _watch(receive: Receive, turn: CancelScope) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    turn.cancel()
