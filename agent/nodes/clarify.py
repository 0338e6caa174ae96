"""Clarify: one short question back."""

from langgraph.runtime import Runtime

from agent.events import Clarification
from agent.language.phrases import say
from agent.ports import Deps
from agent.state import Conversation

NEAR_ENOUGH = 0.3
MOST_TOPICS = 2


async def clarify(state: Conversation, runtime: Runtime[Deps]) -> Conversation:
    """Ask which of the nearest articles' topics is meant; nothing is stated."""
    language = state["language"]
    titles = list(dict.fromkeys(p.title for p in state["passages"] if p.title))[:MOST_TOPICS]
    if state["evidence"]["turn_similarity"] >= NEAR_ENOUGH and len(titles) == MOST_TOPICS:
        topics = f" {say('or', language)} ".join(f"“{title}”" for title in titles)
        text = say("clarify_among", language, topics=topics)
    else:
        text = say("clarify", language)
    runtime.stream_writer(Clarification(question=text))
    return {"text": text}
