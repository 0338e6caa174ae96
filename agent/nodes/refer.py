"""Refer a conversation to a person: tell the customer so."""

from langgraph.runtime import Runtime

from agent.events import HandedOff
from agent.language.phrases import say
from agent.ports import Deps
from agent.state import Conversation


async def refer(state: Conversation, runtime: Runtime[Deps]) -> Conversation:
    """Say why a person takes over; `hand_off` waits for that person afterwards."""
    text = say(state["reason"].value, state["language"])
    runtime.stream_writer(HandedOff(reason=state["reason"], text=text))
    return {"text": text}
