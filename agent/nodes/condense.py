"""Condense a follow-up into a question that stands alone."""

from collections.abc import Sequence

from langgraph.runtime import Runtime

from agent.decision.features import depends_on_history
from agent.ports import Deps
from agent.prompting import build_condensation
from agent.state import Conversation, Message, read_history
from agent.verification.words import content_stems, read_words

MOST_NEW_STEMS = 1
LONGEST_RATIO = 4


async def condense(state: Conversation, runtime: Runtime[Deps]) -> Conversation:
    """Let the model rewrite a question that leans on what was said before."""
    question, history = state["question"], read_history(state)
    return {"standalone": await make_standalone(runtime.context, question, history)}


async def make_standalone(deps: Deps, question: str, history: Sequence[Message]) -> str:
    """Return a question that can be understood without the conversation."""
    if not history or not depends_on_history(question):
        return question
    request = build_condensation(deps, question, history)
    rewritten = "".join([piece async for piece in deps.model.stream(request)]).strip()
    return rewritten if is_faithful(rewritten, question, history) else join_last(question, history)


def is_faithful(rewritten: str, question: str, history: Sequence[Message]) -> bool:
    """Whether the rewriting asks, and brings in nothing that nobody said."""
    said = content_stems(read_words(" ".join([question, *(m.text for m in history)])))
    new = content_stems(read_words(rewritten)) - said
    asks = bool(rewritten) and len(rewritten) <= LONGEST_RATIO * max(len(question), 60)
    return asks and len(new) <= MOST_NEW_STEMS


def join_last(question: str, history: Sequence[Message]) -> str:
    """Put the customer's message before this one in front of the question."""
    earlier = [message.text for message in history if message.role == "customer"]
    return f"{earlier[-1]} {question}" if earlier else question
