"""Hand off: wait for a person, then go on with what they said."""

from langgraph.runtime import Runtime
from langgraph.types import interrupt

from agent.ports import Deps
from agent.state import Conversation


async def hand_off(state: Conversation, runtime: Runtime[Deps]) -> Conversation:
    """Interrupt with what the person needs; on resuming, keep what they said.

    The node runs again from its top when it is resumed, so nothing stands before the interrupt.
    It is resumed with exchanges by their keys, so that one that comes twice is kept once.
    """
    del runtime
    said = interrupt(
        {
            "turn_id": state["turn_id"],
            "reason": state["reason"].value,
            "question": state["question"],
            "sources": [passage.id for passage in state["passages"]],
        }
    )
    return {"turns": said}
