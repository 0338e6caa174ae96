"""Screen a message before it is taken for a question."""

from langgraph.runtime import Runtime

from agent.ports import Deps
from agent.state import Conversation, Outcome


async def screen(state: Conversation, runtime: Runtime[Deps]) -> Conversation:
    """Tell the language; hand off at once what no article can answer."""
    deps, question = runtime.context, state["question"]
    vector = (await deps.encoder.encode([question]))[0]
    found = deps.screener.screen(question, vector)
    language = deps.languages.detect(question)
    if found.reason is None:
        return {"language": language}
    return {
        "language": language,
        "outcome": Outcome.HANDED_OFF,
        "reason": found.reason,
        "confidence": found.confidence,
    }
