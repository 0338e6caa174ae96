"""Whole turns, from the customer's words to the last event."""

from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import aclosing, contextmanager
from dataclasses import replace
from pathlib import Path

import anyio
import pytest
from langgraph.checkpoint.base import BaseCheckpointSaver

from agent.assistant import Assistant
from agent.checkpoints import open_sqlite_checkpoints
from agent.errors import FrontdeskError, ModelBusy, ModelFailed
from agent.events import Clarification, Done, Event, HandedOff, SentenceVerified, Sources
from agent.graph import build_graph
from agent.ports import Completion
from agent.state import Exchange, Message, Outcome, Reason, Reply
from prompts import read_version
from tests.agent.scenes import (
    ALSO_TRUE,
    CLEAR,
    LIE,
    QUESTION,
    REFUNDS,
    SCANT,
    TRUE,
    Scene,
)
from tests.fakes.chat_model import FakeChatModel

Saver = BaseCheckpointSaver[str]
SAID = f"{TRUE[:-1]} [1]."
FOLLOW_UP = "And to a debit card?"
UNKNOWN = "Which airlines serve vegetarian breakfast between Lisbon and Oslo?"
PERSON = "I want to talk to a person"


async def ask(
    assistant: Assistant, question: str = QUESTION, turn: str = "t1", conversation: str = "c"
) -> list[Event]:
    return [event async for event in assistant.reply(conversation, turn, question)]


def read_reply(events: list[Event]) -> Reply:
    assert isinstance(events[-1], Done)
    return events[-1].reply


async def read_turns(checkpoints: Saver, conversation: str = "c") -> dict[str, Exchange]:
    snapshot = await build_graph(checkpoints).aget_state(
        {"configurable": {"thread_id": conversation}}
    )
    turns: dict[str, Exchange] = snapshot.values["turns"]
    return turns


def set_model(scene: Scene, model: FakeChatModel) -> None:
    scene.model = model
    scene.deps = replace(scene.deps, model=model)


class WaitingModel(FakeChatModel):
    """Stops in the middle of its first text until `go` is set."""

    def __init__(self, texts: Iterable[str | FrontdeskError]) -> None:
        super().__init__(texts)
        self.waiting = anyio.Event()
        self.go = anyio.Event()

    async def stream(self, request: Completion) -> AsyncIterator[str]:
        async with aclosing(super().stream(request)) as pieces:  # type: ignore[type-var] # a generator
            async for piece in pieces:
                yield piece
                if "." in piece and not self.go.is_set():
                    yield " And so "
                    self.waiting.set()
                    await self.go.wait()


async def test_sources_come_first_then_sentences_then_done(checkpoints: Saver) -> None:
    scene = Scene([f"{SAID} {LIE[:-1]} [1]. {ALSO_TRUE[:-1]} [1]."])
    events = await ask(Assistant(scene.deps, checkpoints))
    kinds = [type(event) for event in events]
    assert kinds == [Sources, SentenceVerified, SentenceVerified, Done]
    reply = read_reply(events)
    assert reply.outcome is Outcome.ANSWERED
    assert reply.text == f"{TRUE} {ALSO_TRUE}"
    assert [s.citations for s in reply.sentences] == [[REFUNDS.id], [REFUNDS.id]]


async def test_a_reply_holds_what_is_needed_to_make_it_again(checkpoints: Saver) -> None:
    scene = Scene([SAID])
    reply = read_reply(await ask(Assistant(replace(scene.deps, seed=3), checkpoints)))
    assert reply.sources[0].passage_id == REFUNDS.id
    assert reply.provenance.model == "fake"
    assert reply.provenance.model_sha256 == "0" * 64
    assert reply.provenance.prompt_version == read_version()
    assert reply.provenance.index_generation == 7
    assert reply.provenance.seed == 3
    assert scene.model.requests[0].temperature == 0
    assert scene.model.requests[0].seed == 3


async def test_timings_grow_from_the_first_source_to_the_end(checkpoints: Saver) -> None:
    timings = read_reply(await ask(Assistant(Scene([SAID]).deps, checkpoints))).timings
    assert timings.first_source_s is not None
    assert timings.first_sentence_s is not None
    assert 0 < timings.first_source_s < timings.first_sentence_s < timings.total_s


async def test_an_unclear_message_is_asked_back_once_and_not_twice(checkpoints: Saver) -> None:
    assistant = Assistant(Scene(hits=SCANT).deps, checkpoints)
    first = await ask(assistant, "it doesn't work", "t1")
    assert isinstance(first[-2], Clarification)
    assert read_reply(first).outcome is Outcome.CLARIFIED
    assert read_reply(first).text == first[-2].question
    second = await ask(assistant, "it still doesn't", "t2")
    assert read_reply(second).outcome is not Outcome.CLARIFIED


async def test_two_questions_in_a_row_without_an_answer_go_to_a_person(checkpoints: Saver) -> None:
    assistant = Assistant(Scene(hits=SCANT).deps, checkpoints)
    first = read_reply(await ask(assistant, UNKNOWN, "t1"))
    assert first.outcome is Outcome.ABSTAINED
    assert first.reason is Reason.NO_EVIDENCE
    events = await ask(assistant, UNKNOWN, "t2")
    assert read_reply(events).outcome is Outcome.HANDED_OFF
    assert read_reply(events).reason is Reason.ABSTAINED_TWICE
    assert isinstance(events[-2], HandedOff)


async def test_who_asks_for_a_person_is_handed_off_without_a_search(checkpoints: Saver) -> None:
    scene = Scene()
    events = await ask(Assistant(scene.deps, checkpoints), PERSON)
    assert [type(event) for event in events] == [HandedOff, Done]
    assert read_reply(events).reason is Reason.ASKED_FOR_PERSON
    assert not scene.search.asked
    assert not scene.model.requests


async def test_a_turn_run_again_under_its_id_leaves_one_exchange(checkpoints: Saver) -> None:
    assistant = Assistant(Scene([SAID, SAID]).deps, checkpoints)
    first, again = [read_reply(await ask(assistant)) for _ in range(2)]
    assert first.text == again.text
    assert list(await read_turns(checkpoints)) == ["t1"]


async def test_abstaining_again_in_the_same_turn_does_not_hand_off(checkpoints: Saver) -> None:
    assistant = Assistant(Scene(hits=SCANT).deps, checkpoints)
    for _ in range(2):
        assert read_reply(await ask(assistant, UNKNOWN)).outcome is Outcome.ABSTAINED


async def test_nothing_of_the_turn_before_lingers(checkpoints: Saver) -> None:
    scene = Scene([SAID])
    assistant = Assistant(scene.deps, checkpoints)
    await ask(assistant, QUESTION, "t1")
    reply = read_reply(await ask(assistant, PERSON, "t2"))
    assert reply.sentences == []
    assert reply.sources == []


async def test_a_follow_up_is_understood_from_what_was_said(checkpoints: Saver) -> None:
    rewritten = "When does a refund arrive on my debit card?"
    scene = Scene([SAID, rewritten, f"{ALSO_TRUE[:-1]} [1]."])
    assistant = Assistant(scene.deps, checkpoints)
    await ask(assistant, QUESTION, "t1")
    reply = read_reply(await ask(assistant, FOLLOW_UP, "t2"))
    condensation = scene.model.requests[1].messages[-1]["content"]
    assert QUESTION in condensation
    assert TRUE in condensation
    assert rewritten in [asked[0] for asked in scene.search.asked]
    assert reply.text == ALSO_TRUE


async def test_history_made_elsewhere_is_used(checkpoints: Saver) -> None:
    rewritten = "When does a refund arrive on my debit card?"
    scene = Scene([rewritten, f"{ALSO_TRUE[:-1]} [1]."])
    history = [Message(role="customer", text=QUESTION), Message(role="agent", text=TRUE)]
    turn = Assistant(scene.deps, checkpoints).reply("c", "t1", FOLLOW_UP, history=history)
    assert read_reply([event async for event in turn]).text == ALSO_TRUE
    assert QUESTION in scene.model.requests[0].messages[-1]["content"]


async def test_conversations_know_nothing_of_each_other(checkpoints: Saver) -> None:
    scene = Scene([SAID, SAID])
    assistant = Assistant(scene.deps, checkpoints)
    await ask(assistant, QUESTION, conversation="one")
    await ask(assistant, FOLLOW_UP, conversation="two")
    assert QUESTION not in scene.model.requests[-1].messages[-1]["content"]
    assert list(await read_turns(checkpoints, "two")) == ["t1"]


async def test_a_conversation_outlives_the_process(tmp_path: Path) -> None:
    path = str(tmp_path / "checkpoints.sqlite")
    async with open_sqlite_checkpoints(path) as saver:
        await ask(Assistant(Scene().deps, saver), PERSON, "t1")
    async with open_sqlite_checkpoints(path) as saver:
        await Assistant(Scene().deps, saver).resume("c", "m1", "This is Ann.")
    async with open_sqlite_checkpoints(path) as saver:
        reply = read_reply(await ask(Assistant(Scene([SAID]).deps, saver), QUESTION, "t3"))
        assert reply.outcome is Outcome.ANSWERED
        assert list(await read_turns(saver)) == ["t1", "person:m1", "t3"]


async def test_two_turns_of_one_conversation_come_one_after_the_other(checkpoints: Saver) -> None:
    scene = Scene()
    model = WaitingModel([SAID, SAID])
    set_model(scene, model)
    assistant = Assistant(scene.deps, checkpoints)
    done: list[str] = []

    async def run(turn: str) -> None:
        await ask(assistant, QUESTION, turn)
        done.append(turn)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(run, "t1")
        await model.waiting.wait()
        tasks.start_soon(run, "t2")
        await anyio.wait_all_tasks_blocked()
        assert [asked[0] for asked in scene.search.asked].count(QUESTION) == 1
        model.go.set()
    assert done == ["t1", "t2"]
    assert list(await read_turns(checkpoints)) == ["t1", "t2"]


async def test_another_conversation_does_not_wait(checkpoints: Saver) -> None:
    scene = Scene()
    model = WaitingModel([SAID, "NO ANSWER"])
    set_model(scene, model)
    assistant = Assistant(scene.deps, checkpoints)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(ask, assistant, QUESTION, "t1", "one")
        await model.waiting.wait()
        with anyio.fail_after(20):
            assert read_reply(await ask(assistant, QUESTION, "t1", "two"))
        model.go.set()


async def test_a_customer_who_goes_away_frees_the_model(checkpoints: Saver) -> None:
    scene = Scene()
    model = WaitingModel([SAID, SAID])
    set_model(scene, model)
    assistant = Assistant(scene.deps, checkpoints)
    async with aclosing(assistant.reply("c", "t1", QUESTION)) as events:
        async for event in events:
            if isinstance(event, SentenceVerified):
                break
        assert model.open == 1
    assert model.open == 0
    model.go.set()
    assert read_reply(await ask(assistant, QUESTION, "t1")).outcome is Outcome.ANSWERED
    assert list(await read_turns(checkpoints)) == ["t1"]


@pytest.mark.parametrize("error", [ModelBusy(2), ModelFailed("it stopped")])
@pytest.mark.parametrize("again", ["t1", "t2"])
async def test_a_model_s_error_costs_one_turn(
    checkpoints: Saver, error: FrontdeskError, again: str
) -> None:
    assistant = Assistant(Scene([error, SAID]).deps, checkpoints)
    with pytest.raises(type(error)):
        await ask(assistant, QUESTION, "t1")
    assert read_reply(await ask(assistant, QUESTION, again)).outcome is Outcome.ANSWERED
    assert list(await read_turns(checkpoints)) == [again]


async def test_the_audience_reaches_the_search(checkpoints: Saver) -> None:
    scene = Scene([SAID])
    turn = Assistant(scene.deps, checkpoints).reply("c", "t1", QUESTION, audience="staff")
    assert [event async for event in turn]
    assert {asked[1] for asked in scene.search.asked} == {"staff"}


async def test_the_same_question_gives_the_same_reply(checkpoints: Saver) -> None:
    replies = []
    for conversation in ("one", "two"):
        scene = Scene([SAID])
        events = await ask(Assistant(scene.deps, checkpoints), conversation=conversation)
        replies.append(read_reply(events))
    assert replies[0] == replies[1]


async def test_no_locks_are_left_behind(checkpoints: Saver) -> None:
    assistant = Assistant(Scene([SAID]).deps, checkpoints)
    await ask(assistant)
    assert assistant._locks == {}


def test_clear_hits_hold_the_passage_that_answers() -> None:
    assert CLEAR[0].passage is REFUNDS


async def test_a_person_s_words_to_an_answered_conversation_are_kept_or_refused(
    checkpoints: Saver,
) -> None:
    assistant = Assistant(Scene([SAID]).deps, checkpoints)
    await ask(assistant)
    refused = await is_refused(assistant)
    said = [exchange.text for exchange in (await read_turns(checkpoints)).values()]
    assert refused or "This is Ann." in said


async def test_a_person_s_words_after_a_failed_turn_are_kept_or_refused(
    checkpoints: Saver,
) -> None:
    assistant = Assistant(Scene([ModelBusy(2), SAID]).deps, checkpoints)
    with pytest.raises(ModelBusy):
        await ask(assistant)
    refused = await is_refused(assistant)
    assert refused or "This is Ann." in [e.text for e in (await read_turns(checkpoints)).values()]


async def test_a_person_s_words_to_an_unknown_conversation_are_refused(checkpoints: Saver) -> None:
    assert await is_refused(Assistant(Scene().deps, checkpoints))


async def is_refused(assistant: Assistant) -> bool:
    try:
        await assistant.resume("c", "m1", "This is Ann.")
    except FrontdeskError:
        return True
    return False


class ChangingModel(FakeChatModel):
    """Lends another model to those who hold it, as if that had been at work when they came."""

    def __init__(self, lent: FakeChatModel) -> None:
        super().__init__()
        self._lent = lent

    @property
    def sha256(self) -> str:
        return "1" * 64

    @contextmanager
    def hold(self) -> Iterator[FakeChatModel]:
        yield self._lent


async def test_a_turn_is_one_model_s_and_says_so(checkpoints: Saver) -> None:
    scene = Scene([SAID])
    changing = ChangingModel(scene.model)
    assistant = Assistant(replace(scene.deps, model=changing), checkpoints)
    reply = read_reply(await ask(assistant))
    assert reply.text == TRUE
    assert reply.provenance.model_sha256 == scene.model.sha256
    await assistant.suggest(QUESTION)
    assert changing.requests == []
    assert len(scene.model.requests) > 1
