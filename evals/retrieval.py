"""How well passages are found: by each search alone, fused, and as the agent uses them."""

from collections.abc import Awaitable, Callable, Sequence
from statistics import median
from time import perf_counter
from typing import Any

from agent.nodes.condense import make_standalone
from agent.nodes.retrieve import find
from agent.ports import Deps
from evals.errors import EvalError
from evals.journal import Journal
from evals.measures import average, measure_ranking
from evals.suites import Case
from knowledge_base.articles import PUBLIC, Passage
from knowledge_base.search import KnowledgeBase

SYSTEMS = ("dense", "lexical", "fused", "agent")
DEPTH = 200
KEPT = 10
SHOWN = ("recall@5", "ndcg@5", "mrr@10")
Progress = Callable[[int, int], None]


async def evaluate_retrieval(
    cases: Sequence[Case],
    knowledge_base: KnowledgeBase,
    deps: Deps,
    journal: Journal,
    progress: Progress,
) -> dict[str, Any]:
    """Search for every case that has relevant articles.

    dense, lexical and fused get the customer's last message, the agent the whole conversation.
    `ms_per_query` is the median of what the agent does, condensing and all.
    Raises EvalError if no case has relevant articles.
    """
    asked = [case for case in cases if case.relevant]
    if not asked:
        raise EvalError("No case names relevant articles: without them, no search can be measured.")

    async def search(case: Case) -> dict[str, Any]:
        return await _search(case, knowledge_base, deps)

    records = await run_cases(asked, search, journal, progress)
    took = {s: [record["ms"][s] for record in records] for s in ("fused", "agent")}
    return {
        "n": len(records),
        "metrics": {
            system: average([record["measured"][system] for record in records])
            for system in SYSTEMS
        },
        "ms_per_query": round(median(took["agent"]), 1),
        "ms_by_system": {s: round(median(ms), 1) for s, ms in took.items()},
        "cases": [_describe(record) for record in records],
    }


async def run_cases(
    cases: Sequence[Case],
    run: Callable[[Case], Awaitable[dict[str, Any]]],
    journal: Journal,
    progress: Progress,
) -> list[dict[str, Any]]:
    """Run the cases that the journal has not, and return all records in the cases' order.

    A case that failed when the run was stopped is tried again: what was wrong may be mended.
    """
    finished = {name for name, record in journal.records.items() if "error" not in record}
    for done, case in enumerate(cases):
        progress(done, len(cases))
        if case.id not in finished:
            journal.add({"id": case.id} | await run(case))
    progress(len(cases), len(cases))
    return [journal.records[case.id] for case in cases]


async def _search(case: Case, knowledge_base: KnowledgeBase, deps: Deps) -> dict[str, Any]:
    start = perf_counter()
    hits = knowledge_base.find(case.question, PUBLIC, DEPTH).hits
    searched = perf_counter()
    standalone = await make_standalone(deps, case.question, case.history)
    findings = await find(deps, case.question, standalone, case.history)
    ended = perf_counter()
    rankings = {
        "dense": [h.passage for h in sorted(hits, key=lambda h: -h.similarity)],
        "lexical": [h.passage for h in sorted(hits, key=lambda h: -h.lexical) if h.lexical > 0],
        "fused": [h.passage for h in hits],
        "agent": findings.passages,
    }
    found = {system: rank_articles(passages)[:KEPT] for system, passages in rankings.items()}
    return {
        "question": case.question,
        "history": [message.model_dump() for message in case.history],
        "relevant": list(case.relevant),
        "expect": case.expect,
        "reference": case.reference,
        "standalone": standalone,
        "found": found,
        "measured": {s: measure_ranking(ids, case.relevant) for s, ids in found.items()},
        "ms": {"fused": 1000 * (searched - start), "agent": 1000 * (ended - searched)},
    }


def rank_articles(passages: Sequence[Passage]) -> list[str]:
    """Return the articles' ids in the order in which their first passages come."""
    return list(dict.fromkeys(passage.article_id for passage in passages))


def _describe(record: dict[str, Any]) -> dict[str, Any]:
    values = {name: record["measured"]["agent"][name] for name in SHOWN}
    kept = {name: value for name, value in record.items() if name not in {"measured", "ms"}}
    return kept | {"values": values}
