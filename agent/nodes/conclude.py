"""Conclude a turn: what later turns need to know of it is kept."""

from langgraph.runtime import Runtime

from agent.ports import Deps
from agent.state import Conversation, Exchange


async def conclude(state: Conversation, runtime: Runtime[Deps]) -> Conversation:
    """Keep the exchange under the turn's id, so that running a turn again keeps it once."""
    del runtime
    exchange = Exchange(question=state["question"], text=state["text"], outcome=state["outcome"])
    return {"turns": {state["turn_id"]: exchange}}
