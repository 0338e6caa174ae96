"""Running turns: from a question in the ledger to a reply in the ledger."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import aclosing, contextmanager
from typing import cast
from weakref import WeakValueDictionary

import structlog
from anyio import sleep, to_thread

from agent.errors import FrontdeskError, ModelBusy
from agent.events import Clarification, Done, Event, HandedOff, SentenceVerified, Sources
from agent.state import Outcome, Reply, Wish
from api.errors import log_unexpected
from api.metrics import Metrics
from api.ports import Assistant
from api.storage.handoffs import Handoffs
from api.storage.ledger import Ledger, RecordedTurn

log = structlog.get_logger(__name__)


class Turns:
    """Runs turns, one at a time in each conversation.

    `notify` is called with the conversation's id when something was said in it.
    """

    def __init__(
        self,
        ledger: Ledger,
        handoffs: Handoffs,
        assistant: Assistant,
        metrics: Metrics,
        notify: Callable[[str], None],
    ) -> None:
        self._ledger = ledger
        self._handoffs = handoffs
        self._assistant = assistant
        self._metrics = metrics
        self._notify = notify
        self._running = 0
        self._idle = asyncio.Event()
        self._idle.set()
        # asyncio's own lock: anyio's may only be let go by the task that took it. Locks that
        # nobody holds or waits for go away by themselves.
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def wait_idle(self) -> None:
        """Wait until no turn runs or waits to."""
        await self._idle.wait()

    async def run(self, turn: RecordedTurn) -> AsyncGenerator[Event]:
        """Yield the events of a turn; if it has a reply already, those that led there.

        The reply is in the ledger before `Done` is yielded. Raises what the assistant raises;
        the turn is pending then, as it is when this is closed early.
        """
        lock = self._locks.setdefault(turn.conversation_id, asyncio.Lock())
        self._notify(turn.conversation_id)
        with self._metrics.in_flight.track_inprogress(), self._count():
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

    @contextmanager
    def _count(self) -> Iterator[None]:
        self._running += 1
        self._idle.clear()
        try:
            yield
        finally:
            self._running -= 1
            if not self._running:
                self._idle.set()

    async def _generate(self, turn: RecordedTurn) -> AsyncGenerator[Event]:
        handoff = await to_thread.run_sync(self._handoffs.current, turn.conversation_id)
        events = self._reply(turn) if handoff is None else self._stay_silent(turn)
        try:
            async with aclosing(events):
                async for event in events:
                    if isinstance(event, Done):
                        yield await self._keep(turn.conversation_id, event)
                    else:
                        yield event
        except Exception as error:
            self._metrics.count_failure(error)
            raise

    def _reply(self, turn: RecordedTurn) -> AsyncGenerator[Event]:
        wish = Wish(turn.wish) if turn.wish else None
        events = self._assistant.reply(
            turn.conversation_id, turn.id, turn.question, audience=turn.audience, wish=wish
        )
        return cast("AsyncGenerator[Event]", events)

    async def _stay_silent(self, turn: RecordedTurn) -> AsyncGenerator[Event]:
        for event in self._assistant.stay_silent(turn.id, turn.question):
            yield event

    async def _keep(self, conversation_id: str, done: Done) -> Done:
        kept = await to_thread.run_sync(self._ledger.finish_turn, done.turn_id, done.reply)
        self._metrics.count_turn(kept)
        self._notify(conversation_id)
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
