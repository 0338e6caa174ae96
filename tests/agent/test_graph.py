"""The graph's edges and what its checkpoints hold."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.conformance import checkpointer_test, validate

from agent.checkpoints import make_memory_checkpoints, open_sqlite_checkpoints
from agent.graph import NEXT, build_graph, build_serializer
from agent.state import Exchange, Message, Outcome, Reason, Sentence
from knowledge_base.articles import Hit, Passage
from tests.agent.scenes import CLEAR, QUESTION, REFUNDS, SCANT, TRUE, Scene

if TYPE_CHECKING:
    from langchain_core.runnables import RunnableConfig

NODES = {
    "screen", "condense", "retrieve", "decide", "answer", "clarify", "abstain", "refer",
    "conclude", "hand_off",
}  # fmt: skip


def read_edges() -> set[tuple[str, str]]:
    drawn = build_graph(make_memory_checkpoints()).get_graph()
    return {(edge.source, edge.target) for edge in drawn.edges}


def test_every_node_can_be_reached_and_left() -> None:
    edges = read_edges()
    assert {target for _, target in edges} >= NODES
    assert {source for source, _ in edges} >= NODES


def test_no_answer_is_given_without_a_decision_and_none_ends_unconcluded() -> None:
    edges = read_edges()
    assert {source for source, target in edges if target == "answer"} == {"decide"}
    assert {source for source, target in edges if target == "__end__"} == {"conclude", "hand_off"}


def test_every_outcome_has_a_node() -> None:
    assert set(NEXT) == set(Outcome)
    assert set(NEXT.values()) <= NODES


@pytest.mark.parametrize(
    "value",
    [
        REFUNDS,
        Exchange(question="What?", text="That.", outcome=Outcome.ANSWERED),
        Message(role="customer", text="What?"),
        Sentence(text=TRUE, citations=[REFUNDS.id]),
        Outcome.CLARIFIED,
        Reason.VAGUE,
    ],
)
def test_what_a_state_is_made_of_survives_the_serializer(value: object) -> None:
    serializer = build_serializer()
    revived = serializer.loads_typed(serializer.dumps_typed({"value": value}))
    assert revived == {"value": value}
    assert type(revived["value"]) is type(value)


def test_other_types_are_not_revived() -> None:
    serializer = build_serializer()
    revived = serializer.loads_typed(serializer.dumps_typed({"value": CLEAR[0]}))
    assert type(revived["value"]) is not type(CLEAR[0])


PLAIN = (str, int, float, bool, type(None))
OURS = (Exchange, Message, Outcome, Passage, Reason, Sentence)


def is_allowed(value: object) -> bool:
    if isinstance(value, dict):
        return all(is_allowed(part) for part in (*value.keys(), *value.values()))
    if isinstance(value, list | tuple):
        return all(is_allowed(part) for part in value)
    return type(value) in {*PLAIN, *OURS}


@pytest.mark.parametrize("question", [QUESTION, "it doesn't work", "I want to talk to a person"])
@pytest.mark.parametrize("hits", [CLEAR, SCANT])
async def test_checkpoints_hold_only_allowed_types(
    checkpoints: BaseCheckpointSaver[str], question: str, hits: tuple[Hit, ...]
) -> None:
    scene = Scene([f"{TRUE[:-1]} [1]."], hits)
    graph = build_graph(checkpoints)
    thread: RunnableConfig = {"configurable": {"thread_id": "one"}}
    start = {"turn_id": "t1", "question": question, "passages": [], "sentences": []}
    await graph.ainvoke(start, thread, context=scene.deps, durability="sync")
    kept = [item async for item in checkpoints.alist(thread)]
    assert kept
    for item in kept:
        values = {k: v for k, v in item.checkpoint["channel_values"].items() if ":" not in k}
        values.pop("__start__", None)
        assert is_allowed(values), values


async def test_the_checkpoints_in_sqlite_conform_to_langgraph(tmp_path: Path) -> None:
    names = iter(range(100))

    @checkpointer_test(name="frontdesk-sqlite")
    async def make() -> AsyncIterator[BaseCheckpointSaver[str]]:
        async with open_sqlite_checkpoints(str(tmp_path / f"{next(names)}.sqlite")) as saver:
            yield saver

    report = await validate(make)
    failures = {name: result.failures for name, result in report.results.items() if result.failures}
    assert failures == {}
    assert report.passed_all_base()


async def test_sqlite_keeps_what_is_written_through_a_power_cut(tmp_path: Path) -> None:
    async with open_sqlite_checkpoints(str(tmp_path / "checkpoints.sqlite")) as saver:
        pragmas = {}
        for name in ("synchronous", "busy_timeout", "journal_mode"):
            async with saver.conn.execute(f"PRAGMA {name}") as cursor:  # type: ignore[attr-defined] # AsyncSqliteSaver's
                pragmas[name] = (await cursor.fetchone())[0]
    assert pragmas["synchronous"] == 2
    assert pragmas["busy_timeout"] > 0
    assert pragmas["journal_mode"] == "wal"
