"""What a person does in a conversation: take it, write, give it back, close it."""

from collections.abc import Sequence

import structlog
from anyio import to_thread

from agent.errors import FrontdeskError
from agent.rewording import Manner
from agent.state import Reason, Source, Suggestion
from api.live import Live
from api.ports import Assistant
from api.preparation import Preparation
from api.storage.handoffs import Handoff, Handoffs, PersonMessage
from api.storage.ledger import Ledger, RecordedTurn
from api.storage.suggestions import KeptSuggestion, Suggestions

log = structlog.get_logger(__name__)


class Desk:
    """Does in storage what a person does, tells the agent of it, and wakes who is watching."""

    def __init__(  # noqa: PLR0913, PLR0917 - what it reads, tells and wakes
        self,
        ledger: Ledger,
        handoffs: Handoffs,
        suggestions: Suggestions,
        assistant: Assistant,
        live: Live,
        preparation: Preparation,
    ) -> None:
        self._ledger = ledger
        self._handoffs = handoffs
        self._suggestions = suggestions
        self._assistant = assistant
        self._live = live
        self._preparation = preparation

    async def take(self, handoff_id: str, staff_id: str) -> Handoff:
        """Give the conversation to a member of staff; raises what `Handoffs.take` raises."""
        taken = await to_thread.run_sync(self._handoffs.take, handoff_id, staff_id)
        self._live.wake()
        return taken

    async def send(
        self,
        handoff_id: str,
        staff_id: str,
        text: str,
        message_id: str,
        sources: Sequence[Source] = (),
    ) -> PersonMessage:
        """Write to the customer; raises what `Handoffs.send` raises."""
        sent = await to_thread.run_sync(
            self._handoffs.send, handoff_id, staff_id, text, message_id, sources
        )
        self._live.wake()
        await self._tell(sent)
        return sent

    async def give_back(self, handoff_id: str, staff_id: str) -> Handoff:
        """Let the agent have the conversation again; raises what `Handoffs.give_back` raises."""
        ended = await to_thread.run_sync(self._handoffs.give_back, handoff_id, staff_id)
        return await self._end(ended)

    async def close(self, handoff_id: str, staff_id: str) -> Handoff:
        """Say that it is resolved; raises what `Handoffs.close` raises."""
        ended = await to_thread.run_sync(self._handoffs.close, handoff_id, staff_id)
        return await self._end(ended)

    async def suggest(self, handoff_id: str) -> KeptSuggestion | None:
        """Return the newest suggestion; None while it is being made, which is asked for then."""
        kept = await to_thread.run_sync(self._suggestions.latest, handoff_id)
        if kept is None:
            found = await to_thread.run_sync(self._handoffs.find, handoff_id)
            self._preparation.ask_for(found.conversation_id)
        return kept

    async def reword(self, text: str, manner: Manner) -> str | None:
        """Return the text in another manner, None if that would change what it says."""
        return await self._assistant.reword(text, manner)

    async def ask(self, question: str) -> Suggestion:
        """Return what the articles say, staff's included; nothing is kept."""
        return await self._assistant.suggest(question)

    async def _end(self, ended: Handoff) -> Handoff:
        self._live.wake()
        # What a crash kept from the agent, it hears now; what it knows, it keeps once.
        written = await to_thread.run_sync(self._handoffs.messages, ended.conversation_id)
        for message in written:
            if message.handoff_id == ended.id:
                await self._tell(message)
        left = await self._find_asked(ended.conversation_id, list(written))
        if left:
            await self._resume(ended.conversation_id, f"{ended.id}:end", "", left)
        return ended

    async def _tell(self, sent: PersonMessage) -> None:
        written = await to_thread.run_sync(self._handoffs.messages, sent.conversation_id)
        earlier = [message for message in written if message.created_at < sent.created_at]
        asked = await self._find_asked(sent.conversation_id, earlier, sent)
        await self._resume(sent.conversation_id, sent.id, sent.text, asked)

    async def _find_asked(
        self,
        conversation_id: str,
        earlier: Sequence[PersonMessage],
        sent: PersonMessage | None = None,
    ) -> str:
        """Return what the customer said since the last of the earlier messages, up to this one."""
        conversation = await to_thread.run_sync(self._ledger.read, conversation_id)
        said = [
            turn.question
            for turn in conversation.turns
            if _is_silent(turn)
            and (not earlier or turn.created_at > earlier[-1].created_at)
            and (sent is None or turn.created_at <= sent.created_at)
        ]
        return "\n".join(said)

    async def _resume(self, conversation_id: str, key: str, text: str, asked: str) -> None:
        try:
            await self._assistant.resume(conversation_id, key, text, asked)
        except FrontdeskError as error:  # the customer has the message all the same
            log.warning("agent_not_told", message=key, error=type(error).__name__)


def _is_silent(turn: RecordedTurn) -> bool:
    return turn.reply is not None and turn.reply.reason is Reason.WITH_PERSON
