"""Decide from the evidence: answer, clarify or abstain."""

from langgraph.runtime import Runtime

from agent.decision.decider import Choice
from agent.ports import Deps
from agent.state import Conversation, Outcome, Reason, read_last_outcome

OUTCOMES = {
    Choice.ANSWER: (Outcome.ANSWERED, Reason.SUPPORTED),
    Choice.CLARIFY: (Outcome.CLARIFIED, Reason.VAGUE),
    Choice.ABSTAIN: (Outcome.ABSTAINED, Reason.NO_EVIDENCE),
}


async def decide(state: Conversation, runtime: Runtime[Deps]) -> Conversation:
    """Choose what to try; nobody is asked back twice in a row."""
    may_clarify = read_last_outcome(state) is not Outcome.CLARIFIED
    decision = runtime.context.decider.decide(state["evidence"], may_clarify=may_clarify)
    outcome, reason = OUTCOMES[decision.choice]
    return {"outcome": outcome, "reason": reason, "confidence": decision.confidence}
