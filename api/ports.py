"""The agent's front door, as this side uses it."""

from collections.abc import AsyncIterator, Sequence
from typing import Protocol

from agent.events import Event
from agent.lanes import Lane
from agent.rewording import Manner
from agent.state import Message, Suggestion, Wish


class Assistant(Protocol):
    """Answers customers and helps persons; `agent.assistant.Assistant` is one.

    All but `stay_silent` raise ModelBusy, ModelFailed or ModelUnusable.
    """

    def reply(  # noqa: PLR0913, PLR0917 - a turn, and what is known beside it
        self,
        conversation_id: str,
        turn_id: str,
        question: str,
        audience: str = "public",
        history: Sequence[Message] = (),
        wish: Wish | None = None,
    ) -> AsyncIterator[Event]:
        """Yield the events of a turn, `Done` last.

        An async generator: closing it frees the model.
        """

    def stay_silent(self, turn_id: str, question: str) -> Sequence[Event]:
        """Return the events of a turn that is left to a person."""

    async def resume(
        self, conversation_id: str, message_id: str, text: str, asked: str = ""
    ) -> None:
        """Take in what a person wrote; the same message id once. Raises NotHandedOff too."""

    async def suggest(
        self, question: str, history: Sequence[Message] = (), lane: Lane = Lane.DESK
    ) -> Suggestion:
        """Return a reply for a person to send, from staff's articles too."""

    async def summarise(self, conversation: Sequence[Message]) -> str:
        """Return one line on what the customer wants."""

    async def reword(self, text: str, manner: Manner) -> str | None:
        """Return the text in another manner, None if that would change what it says."""
