"""Retrieve passages for the question, and the evidence that comes with them."""

from collections.abc import Sequence

from langgraph.runtime import Runtime

from agent.decision.features import measure
from agent.events import Sources
from agent.nodes.condense import join_last
from agent.ports import Deps
from agent.state import Conversation, Source, read_history
from knowledge_base.articles import Passage, Ranking

DEPTH = 20
IN_HAND = 3


async def retrieve(state: Conversation, runtime: Runtime[Deps]) -> Conversation:
    """Search with the standalone question, and after a follow-up with the last turns too."""
    search, question = runtime.context.search, state["question"]
    history, audience = read_history(state), state.get("audience", "public")
    standalone = await search.search(state["standalone"], audience, DEPTH)
    own = standalone
    rankings = [standalone]
    if state["standalone"] != question:
        own = await search.search(question, audience, DEPTH)
        rankings.append(await search.search(join_last(question, history), audience, DEPTH))
    passages = fuse_rankings(rankings)[:IN_HAND]
    runtime.stream_writer(Sources(sources=[show(passage) for passage in passages]))
    return {
        "passages": passages,
        "evidence": measure(question, own, standalone, follow_up=bool(history)),
        "index_generation": standalone.generation,
    }


def fuse_rankings(rankings: Sequence[Ranking]) -> list[Passage]:
    """Return the passages of several rankings, best first, by the sum of their scores."""
    scores: dict[str, float] = {}
    passages: dict[str, Passage] = {}
    for ranking in rankings:
        for hit in ranking.hits:
            passages[hit.passage.id] = hit.passage
            scores[hit.passage.id] = scores.get(hit.passage.id, 0.0) + hit.score
    return [passages[i] for i in sorted(scores, key=lambda i: (-scores[i], i))]


def show(passage: Passage) -> Source:
    """Return the passage as a source that the customer may see."""
    return Source(
        passage_id=passage.id,
        article_id=passage.article_id,
        title=passage.title,
        heading_path=list(passage.heading_path),
        text=passage.text,
    )
