"""Screen a message before it is taken for a question."""

from langgraph.runtime import Runtime

from agent.ports import Deps
from agent.state import Conversation, Outcome, Reason, Wish


async def screen(state: Conversation, runtime: Runtime[Deps]) -> Conversation:
    """Tell the language; hand off at once what no article can answer."""
    deps, question, wish = runtime.context, state["question"], state.get("wish")
    language = deps.languages.detect(question)
    if wish is Wish.SUGGESTION:
        return {"language": language}
    if wish is Wish.PERSON:
        return _hand_off(language, Reason.ASKED_FOR_PERSON, 1.0)
    vector = (await deps.encoder.encode([question]))[0]
    found = deps.screener.screen(question, vector)
    if found.reason is None:
        return {"language": language}
    return _hand_off(language, found.reason, found.confidence)


def _hand_off(language: str, reason: Reason, confidence: float) -> Conversation:
    return {
        "language": language,
        "outcome": Outcome.HANDED_OFF,
        "reason": reason,
        "confidence": confidence,
    }
