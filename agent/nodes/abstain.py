"""Abstain: say that the articles don't say, name the nearest one, offer a person."""

from langgraph.runtime import Runtime

from agent.language.phrases import say
from agent.ports import Deps
from agent.state import Conversation, Outcome, Reason, read_last_outcome

NEAR_ENOUGH = 0.35


async def abstain(state: Conversation, runtime: Runtime[Deps]) -> Conversation:
    """Say so; the second time in a row, a person takes over."""
    del runtime
    if read_last_outcome(state) is Outcome.ABSTAINED:
        return {"outcome": Outcome.HANDED_OFF, "reason": Reason.ABSTAINED_TWICE}
    language, passages = state["language"], state["passages"]
    parts = [say("abstain", language)]
    if passages and passages[0].title and state["evidence"]["turn_similarity"] >= NEAR_ENOUGH:
        parts.append(say("nearest", language, title=passages[0].title))
    parts.append(say("offer_person", language))
    return {"text": " ".join(parts)}
