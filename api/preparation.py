"""Preparation: summary and suggestion are there before a person opens a hand-off."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog
from anyio import sleep, to_thread

from agent.errors import FrontdeskError, ModelBusy
from agent.state import Message, Reason, Suggestion
from api.errors import log_unexpected
from api.live import Live
from api.ports import Assistant
from api.storage.handoffs import Handoff, Handoffs, PersonMessage
from api.storage.ledger import Ledger, RecordedConversation, RecordedTurn
from api.storage.suggestions import Suggestions

# Said to get to a person, these hold no question.
NO_QUESTION = frozenset({Reason.ASKED_FOR_PERSON})

log = structlog.get_logger(__name__)


class Preparation:
    """Prepares hand-offs one after another, while no customer waits for the model."""

    def __init__(  # noqa: PLR0913, PLR0917 - what it reads, asks and writes
        self,
        ledger: Ledger,
        handoffs: Handoffs,
        suggestions: Suggestions,
        assistant: Assistant,
        live: Live,
        wait_idle: Callable[[], Awaitable[None]],
    ) -> None:
        self._ledger = ledger
        self._handoffs = handoffs
        self._suggestions = suggestions
        self._assistant = assistant
        self._live = live
        self._wait_idle = wait_idle
        self._waiting: asyncio.Queue[str] = asyncio.Queue()

    def ask_for(self, conversation_id: str) -> None:
        """Have the conversation's open hand-off prepared soon."""
        self._waiting.put_nowait(conversation_id)

    async def run(self) -> None:
        """Prepare what is asked for, first what an earlier process left; never returns."""
        await self._attempt(self._ask_for_open_ones())
        while True:
            await self._attempt(self._prepare(await self._waiting.get()))

    async def _attempt(self, work: Awaitable[None]) -> None:
        try:
            await work
        except Exception as error:  # noqa: BLE001 - the next one may well succeed
            log_unexpected(error)

    async def _ask_for_open_ones(self) -> None:
        for handoff in await to_thread.run_sync(self._handoffs.queue):
            self.ask_for(handoff.conversation_id)

    async def _prepare(self, conversation_id: str) -> None:
        handoff = await to_thread.run_sync(self._handoffs.current, conversation_id)
        if handoff is None:
            return
        conversation = await to_thread.run_sync(self._ledger.read, conversation_id)
        written = await to_thread.run_sync(self._handoffs.messages, conversation_id)
        turn = find_question(conversation)
        kept = await to_thread.run_sync(self._suggestions.latest, handoff.id)
        if kept is not None and kept.turn_id == turn.id:
            return
        messages = transcribe(conversation, list(written))
        summary = handoff.summary or await self._summarise(handoff, messages)
        made = await self._suggest(turn, transcribe(conversation, list(written), before=turn))
        await to_thread.run_sync(self._suggestions.keep, handoff.id, turn.id, made, summary)
        self._live.wake()

    async def _summarise(self, handoff: Handoff, messages: list[Message]) -> str | None:
        while True:
            await self._wait_idle()
            try:
                return await self._assistant.summarise(messages)
            except ModelBusy as busy:
                await sleep(busy.retry_after_s)
            except FrontdeskError as error:
                log.warning("not_summarised", handoff=handoff.id, error=type(error).__name__)
                return None

    async def _suggest(self, turn: RecordedTurn, history: list[Message]) -> Suggestion | None:
        while True:
            await self._wait_idle()
            try:
                return await self._assistant.suggest(turn.question, history)
            except ModelBusy as busy:
                await sleep(busy.retry_after_s)
            except FrontdeskError as error:
                log.warning("nothing_suggested", turn=turn.id, error=type(error).__name__)
                return None


def find_question(conversation: RecordedConversation) -> RecordedTurn:
    """Return the latest turn that asks something beside asking for a person."""
    asking = [turn for turn in conversation.turns if not _only_asks_for_person(turn)]
    return (asking or list(conversation.turns))[-1]


def _only_asks_for_person(turn: RecordedTurn) -> bool:
    return turn.wish == "person" or bool(turn.reply and turn.reply.reason in NO_QUESTION)


def transcribe(
    conversation: RecordedConversation,
    written: list[PersonMessage],
    before: RecordedTurn | None = None,
) -> list[Message]:
    """Return what was said by all, oldest first; up to a turn if one is given."""
    said = [
        (turn.created_at, message)
        for turn in conversation.turns
        if before is None or turn.position < before.position
        for message in _read_turn(turn)
    ]
    said += [
        (message.created_at, Message(role="person", text=message.text))
        for message in written
        if before is None or message.created_at < before.created_at
    ]
    return [message for _, message in sorted(said, key=lambda pair: pair[0])]


def _read_turn(turn: RecordedTurn) -> list[Message]:
    messages = [Message(role="customer", text=turn.question)]
    if turn.reply and turn.reply.text:
        messages.append(Message(role="agent", text=turn.reply.text))
    return messages
