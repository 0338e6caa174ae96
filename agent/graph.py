"""The graph of one turn: its edges, and nothing else."""

from typing import Any

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.graph import END, START, StateGraph

from agent.nodes.abstain import abstain
from agent.nodes.answer import answer
from agent.nodes.clarify import clarify
from agent.nodes.conclude import conclude
from agent.nodes.condense import condense
from agent.nodes.decide import decide
from agent.nodes.hand_off import hand_off
from agent.nodes.refer import refer
from agent.nodes.retrieve import retrieve
from agent.nodes.screen import screen
from agent.ports import Deps
from agent.state import Conversation, Exchange, Message, Outcome, Reason, Sentence, Wish
from knowledge_base.articles import Passage

NEXT = {
    Outcome.ANSWERED: "answer",
    Outcome.CLARIFIED: "clarify",
    Outcome.ABSTAINED: "abstain",
    Outcome.HANDED_OFF: "refer",
}


def build_graph(checkpointer: BaseCheckpointSaver[Any] | None) -> Any:  # noqa: ANN401 - as it comes
    """Return the compiled graph; the checkpointer keeps one thread a conversation.

    Without one nothing is kept, and nothing can be handed off.
    """
    graph = StateGraph(Conversation, context_schema=Deps)
    for node in (
        screen, condense, retrieve, decide, answer, clarify, abstain, refer, conclude, hand_off,
    ):  # fmt: skip
        graph.add_node(node.__name__, node)
    graph.add_edge(START, "screen")
    graph.add_conditional_edges("screen", _after_screen, ["condense", "refer"])
    graph.add_edge("condense", "retrieve")
    graph.add_edge("retrieve", "decide")
    graph.add_conditional_edges("decide", _after_decide, ["answer", "clarify", "abstain"])
    graph.add_conditional_edges("answer", _after_answer, ["abstain", "conclude"])
    graph.add_conditional_edges("abstain", _after_abstain, ["refer", "conclude"])
    graph.add_edge("clarify", "conclude")
    graph.add_edge("refer", "conclude")
    graph.add_conditional_edges("conclude", _after_conclude, ["hand_off", END])
    graph.add_edge("hand_off", END)
    return graph.compile(checkpointer=checkpointer)


def build_serializer() -> JsonPlusSerializer:
    """Return the checkpoints' serializer: msgpack that revives our own types and no others."""
    kept = (Conversation, Exchange, Message, Outcome, Passage, Reason, Sentence, Wish)
    return JsonPlusSerializer(
        allowed_msgpack_modules=[(kind.__module__, kind.__name__) for kind in kept]
    )


def _after_screen(state: Conversation) -> str:
    return "refer" if state.get("outcome") is Outcome.HANDED_OFF else "condense"


def _after_decide(state: Conversation) -> str:
    return NEXT[state["outcome"]]


def _after_answer(state: Conversation) -> str:
    return "abstain" if state["outcome"] is Outcome.ABSTAINED else "conclude"


def _after_abstain(state: Conversation) -> str:
    return "refer" if state["outcome"] is Outcome.HANDED_OFF else "conclude"


def _after_conclude(state: Conversation) -> str:
    return "hand_off" if state["outcome"] is Outcome.HANDED_OFF else END
