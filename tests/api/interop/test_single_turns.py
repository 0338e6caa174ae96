"""The real graph: each turn is a conversation of its own, and leaves nothing in memory."""

from contextlib import aclosing
from itertools import count
from typing import Any

from langgraph.checkpoint.memory import InMemorySaver

from agent.assistant import Assistant
from agent.events import Done, Event, SentenceVerified
from agent.graph import build_serializer
from agent.state import Message, Outcome
from api.interop.single_turns import SingleTurns
from api.metrics import Metrics
from tests.agent.scenes import QUESTION, TRUE, Scene


class Stage:
    def __init__(self, *texts: str) -> None:
        self.scene = Scene(texts)
        self.saver = InMemorySaver(serde=build_serializer())
        numbers = count()
        assistant = Assistant(self.scene.deps, self.saver)
        self.turns = SingleTurns(assistant, self.saver.delete_thread, lambda: str(next(numbers)))

    async def ask(self, question: str, *history: Message) -> list[Event]:
        run = self.turns.run(question, "public", history, Metrics())
        async with aclosing(run) as events:
            return [event async for event in events]

    @property
    def kept(self) -> list[Any]:
        return [*self.saver.storage, *self.saver.writes, *self.saver.blobs]


async def test_an_answered_turn_leaves_nothing() -> None:
    stage = Stage(f"{TRUE} [1]", f"{TRUE} [1]")
    for _ in range(2):
        events = await stage.ask(QUESTION)
        assert isinstance(events[-1], Done)
        assert events[-1].reply.text == TRUE
        assert stage.kept == []


async def test_a_handed_off_turn_waits_for_nobody() -> None:
    stage = Stage()
    events = await stage.ask("I want to talk to a person", Message(role="customer", text="Hi"))
    assert [event.type for event in events] == ["done"]
    assert isinstance(events[0], Done)
    assert events[0].reply.outcome is Outcome.HANDED_OFF
    assert "can't pass you on from here" in events[0].reply.text
    assert stage.kept == []


async def test_a_turn_that_is_left_early_leaves_nothing() -> None:
    stage = Stage(f"{TRUE} [1] {TRUE} [1]")
    async with aclosing(stage.turns.run(QUESTION, "public", (), Metrics())) as events:
        async for event in events:
            if isinstance(event, SentenceVerified):
                assert stage.kept
                break
    assert stage.kept == []
    assert stage.scene.model.open == 0
