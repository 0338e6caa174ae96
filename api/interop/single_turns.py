"""Turns that come from other programs: each is a conversation of its own, and nothing is kept."""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from typing import cast

from agent.events import Clarification, Done, Event, HandedOff
from agent.state import Message, Outcome, Reason, Reply
from api.metrics import Metrics
from api.ports import Assistant


class SingleTurns:
    """Runs turns with an assistant of its own, whose checkpoints are in memory.

    `forget` drops a conversation's checkpoints: without it they would grow with every turn.
    """

    def __init__(
        self, assistant: Assistant, forget: Callable[[str], None], new_id: Callable[[], str]
    ) -> None:
        self._assistant = assistant
        self._forget = forget
        self._new_id = new_id

    async def run(
        self, question: str, audience: str, history: Sequence[Message], metrics: Metrics
    ) -> AsyncGenerator[Event]:
        """Yield sources, the sentences as they are verified, and `Done`.

        Closing it frees the model. Raises ModelBusy, ModelFailed or ModelUnusable.
        """
        turn_id = self._new_id()
        reply = self._assistant.reply(turn_id, turn_id, question, audience, history)
        try:
            with metrics.in_flight.track_inprogress():
                async with aclosing(cast("AsyncGenerator[Event]", reply)) as events:
                    async for event in events:
                        if isinstance(event, Done):
                            metrics.count_turn(event.reply)
                            yield Done(turn_id=turn_id, reply=promise_nobody(event.reply))
                        elif not isinstance(event, Clarification | HandedOff):
                            yield event
        except Exception as error:
            metrics.count_failure(error)
            raise
        finally:
            self._forget(turn_id)


def promise_nobody(reply: Reply) -> Reply:
    """Take out what only the widget can keep: no person waits behind this interface."""
    from agent.language.phrases import say  # noqa: PLC0415 - it loads the language detector

    if reply.outcome is Outcome.HANDED_OFF:
        phrase = "unsafe_elsewhere" if reply.reason is Reason.UNSAFE else "elsewhere"
        return reply.model_copy(update={"text": say(phrase, reply.language)})
    if reply.outcome is Outcome.ABSTAINED:
        offer = say("offer_person", reply.language)
        return reply.model_copy(update={"text": reply.text.removesuffix(offer).rstrip()})
    return reply
