"""Retrieve passages for the question, and the evidence that comes with them."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from langgraph.runtime import Runtime

from agent.decision.features import TOP, measure
from agent.events import Sources
from agent.nearness import rank_units
from agent.ports import Deps
from agent.queries import WEIGHTS, make_queries
from agent.state import Conversation, Message, Source, read_history
from agent.verification.instructions import withhold
from knowledge_base.articles import PUBLIC, Passage, Ranking

DEPTH = 60
IN_HAND = 3
DEEPEST = 20


@dataclass(frozen=True, slots=True)
class Findings:
    """What was found for a question: passages, best first, and the evidence that they bring."""

    passages: list[Passage]
    evidence: dict[str, float]
    generation: int


async def retrieve(state: Conversation, runtime: Runtime[Deps]) -> Conversation:
    """Put the best passages in hand, and show them before a word is generated."""
    history, audience = read_history(state), state.get("audience", PUBLIC)
    asked, standalone = state["question"], state["standalone"]
    found = await find(runtime.context, asked, standalone, history, audience)
    passages = found.passages[:IN_HAND]
    runtime.stream_writer(Sources(sources=[show(passage) for passage in passages]))
    return {
        "passages": passages,
        "evidence": found.evidence,
        "index_generation": found.generation,
    }


async def find(
    deps: Deps, question: str, standalone: str, history: Sequence[Message], audience: str = PUBLIC
) -> Findings:
    """Search for the question by itself and with what was said before it, and fuse."""
    queries = make_queries(question, standalone, history)
    rankings: dict[str, Ranking] = {}
    for name, text in asdict(queries).items():
        known = next((r for r in rankings.values() if r.question == text), None)
        rankings[name] = known or await deps.search.search(text, audience, DEPTH)
    passages = [withhold(passage) for passage in fuse_rankings(rankings)[:DEEPEST]]
    units = await rank_units(deps.encoder, question, passages[:TOP])
    evidence = measure(queries, rankings, passages[:TOP], units)
    return Findings(passages, evidence, rankings["own"].generation)


def fuse_rankings(rankings: Mapping[str, Ranking]) -> list[Passage]:
    """Return the passages of several rankings, best first, by the weighted sum of their scores."""
    scores: dict[str, float] = {}
    passages: dict[str, Passage] = {}
    for name, ranking in rankings.items():
        for hit in ranking.hits:
            passages[hit.passage.id] = hit.passage
            scores[hit.passage.id] = scores.get(hit.passage.id, 0.0) + WEIGHTS[name] * hit.score
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
