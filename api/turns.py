"""Running turns: from a question in the ledger to a reply in the ledger."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from typing import Protocol, cast
from weakref import WeakValueDictionary

import structlog
from anyio import sleep, to_thread

from agent.errors import FrontdeskError, ModelBusy
from agent.events import Clarification, Done, Event, HandedOff, SentenceVerified, Sources
from agent.state import Message, Outcome, Reply
from api.errors import log_unexpected
from api.metrics import Metrics
from api.storage.ledger import Ledger, RecordedTurn

log = structlog.get_logger(__name__)


class Assistant(Protocol):
    """The agent's front door, as this side uses it."""

    def reply(
        self,
        conversation_id: str,
        turn_id: str,
        question: str,
        audience: str = "public",
        history: Sequence[Message] = (),
    ) -> AsyncIterator[Event]:
        """Yield the events of a turn, `Done` last.

        An async generator: closing it frees the model. Raises ModelBusy, ModelFailed,
        ModelUnusable.
        """


class Turns:
    """Runs turns, one at a time in each conversation."""

    def __init__(self, ledger: Ledger, assistant: Assistant, metrics: Metrics) -> None:
        self._ledger = ledger
        self._assistant = assistant
        self._metrics = metrics
        # asyncio's own lock: anyio's may only be let go by the task that took it. Locks that
        # nobody holds or waits for go away by themselves.
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def run(self, turn: RecordedTurn) -> AsyncGenerator[Event]:
        """Yield the events of a turn; if it has a reply already, those that led there.

        The reply is in the ledger before `Done` is yielded. Raises what the assistant raises;
        the turn is pending then, as it is when this is closed early.
        """
        lock = self._locks.setdefault(turn.conversation_id, asyncio.Lock())
        with self._metrics.in_flight.track_inprogress():
            async with lock:
                kept = await to_thread.run_sync(self._ledger.turn, turn.conversation_id, turn.id)
                events = replay(turn.id, kept.reply) if kept.reply else self._generate(turn)
                async with aclosing(events):
                    async for event in events:
                        yield event

    async def finish_all(self, pending: Sequence[RecordedTurn]) -> None:
        """Run turns to their ends, one after another; what fails stays pending."""
        for turn in pending:
            try:
                await self._finish(turn)
            except FrontdeskError as error:
                log.warning("turn_left_pending", turn_id=turn.id, error=type(error).__name__)
            except Exception as error:  # noqa: BLE001 - the next turn may well succeed
                log_unexpected(error)

    async def _finish(self, turn: RecordedTurn) -> None:
        while True:
            try:
                async with aclosing(self.run(turn)) as events:
                    async for _ in events:
                        pass
            except ModelBusy as busy:
                await sleep(busy.retry_after_s)
            else:
                return

    async def _generate(self, turn: RecordedTurn) -> AsyncGenerator[Event]:
        events = self._assistant.reply(
            turn.conversation_id, turn.id, turn.question, audience=turn.audience
        )
        try:
            async with aclosing(cast("AsyncGenerator[Event]", events)):
                async for event in events:
                    yield await self._keep(event) if isinstance(event, Done) else event
        except Exception as error:
            self._metrics.count_failure(error)
            raise

    async def _keep(self, done: Done) -> Done:
        kept = await to_thread.run_sync(self._ledger.finish_turn, done.turn_id, done.reply)
        self._metrics.count_turn(kept)
        return Done(turn_id=done.turn_id, reply=kept)


async def replay(turn_id: str, reply: Reply) -> AsyncGenerator[Event]:
    """Yield the events that a stored reply came with."""
    if reply.sources:
        yield Sources(sources=reply.sources)
    if reply.outcome is Outcome.CLARIFIED:
        yield Clarification(question=reply.text)
    elif reply.outcome is Outcome.HANDED_OFF:
        yield HandedOff(reason=reply.reason, text=reply.text)
    else:
        for sentence in reply.sentences:
            yield SentenceVerified(sentence=sentence)
    yield Done(turn_id=turn_id, reply=reply)
