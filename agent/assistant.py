"""The agent's front door."""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from typing import Any, cast

import anyio
from langgraph.types import Command

from agent.briefing import summarise
from agent.errors import NotHandedOff
from agent.events import Done, Event, HandedOff
from agent.graph import build_graph
from agent.lanes import Lane
from agent.nodes.retrieve import show
from agent.ports import ChatModel, Deps, hold
from agent.rewording import Manner, reword
from agent.state import (
    PERSON_KEY,
    Conversation,
    Exchange,
    Message,
    Outcome,
    Provenance,
    Reason,
    Reply,
    Suggestion,
    Timings,
    Wish,
)
from agent.stopwatch import Stopwatch
from knowledge_base.articles import PUBLIC, STAFF
from prompts import read_version


class Assistant:
    """Answers turns of conversations, one at a time in each."""

    def __init__(self, deps: Deps, checkpointer: Any) -> None:  # noqa: ANN401 - LangGraph's saver
        self._deps = deps
        self._graph = build_graph(checkpointer)
        self._free = build_graph(None)
        self._locks: dict[str, tuple[anyio.Lock, int]] = {}

    async def reply(  # noqa: PLR0913, PLR0917 - a turn, and what is known beside it
        self,
        conversation_id: str,
        turn_id: str,
        question: str,
        audience: str = PUBLIC,
        history: Sequence[Message] = (),
        wish: Wish | None = None,
    ) -> AsyncGenerator[Event, None]:
        """Yield the turn's events; the last one is Done.

        `history` is what was said elsewhere before the first turn. A turn may be run again under
        its id: it leaves one exchange behind. Raises ModelBusy, ModelFailed or ModelUnusable.
        """
        async with self._turn(conversation_id):
            watch = Stopwatch(self._deps.clock)
            start = _begin(turn_id, question, audience, history, wish)
            with hold(self._deps.model) as model:
                async with aclosing(self._run(conversation_id, start, model)) as events:
                    async for event in events:
                        watch.note(event)
                        yield event
                reply = await self._compose(conversation_id, watch.read(), model)
            yield Done(turn_id=turn_id, reply=reply)

    def stay_silent(self, turn_id: str, question: str) -> Sequence[Event]:
        """Return the events of a turn that is left to the person who has the conversation."""
        reply = Reply(
            outcome=Outcome.HANDED_OFF,
            reason=Reason.WITH_PERSON,
            confidence=1.0,
            text="",
            sentences=[],
            sources=[],
            timings=Timings(total_s=0.0),
            provenance=self._provenance(0, self._deps.model),
            language=self._deps.languages.detect(question),
        )
        event = HandedOff(reason=Reason.WITH_PERSON, text="")
        return (event, Done(turn_id=turn_id, reply=reply))

    async def resume(
        self, conversation_id: str, message_id: str, text: str, asked: str = ""
    ) -> None:
        """Take in what a person wrote, and what the customer had `asked` them before it.

        The first message goes on with the graph where it waits; later ones are added to what it
        knows. The same message id is taken in once. Raises NotHandedOff if the agent knows
        nothing of the conversation.
        """
        exchange = Exchange(question=asked, text=text, outcome=Outcome.ANSWERED)
        said = {PERSON_KEY + message_id: exchange}
        async with self._turn(conversation_id):
            thread = _thread(conversation_id)
            snapshot = await self._graph.aget_state(thread)
            if snapshot.interrupts:
                resumed: Command[Any] = Command(resume=said)
                await self._graph.ainvoke(resumed, thread, context=self._deps, durability="sync")
            elif snapshot.values:
                await self._graph.aupdate_state(thread, {"turns": said}, as_node="hand_off")
            else:
                raise NotHandedOff

    async def suggest(
        self, question: str, history: Sequence[Message] = (), lane: Lane = Lane.DESK
    ) -> Suggestion:
        """Return a reply for a person to send, from staff's articles too; nothing is kept.

        Raises ModelBusy, ModelFailed or ModelUnusable.
        """
        start = _begin("", question, STAFF, history, Wish.SUGGESTION)
        with hold(self._deps.model) as model:
            deps = replace(self._deps, lane=lane, model=model)
            state: Conversation = await self._free.ainvoke(start, context=deps)
        passages = state["passages"]
        answered = state["outcome"] is Outcome.ANSWERED
        return Suggestion(
            outcome=state["outcome"],
            text=state["text"] if answered else "",
            sentences=state["sentences"],
            sources=[show(passage) for passage in passages],
            internal=[passage.id for passage in passages if passage.audience != PUBLIC],
        )

    async def summarise(self, conversation: Sequence[Message]) -> str:
        """Return one line on what the customer wants; raises what the model raises."""
        return await summarise(self._deps, conversation)

    async def reword(self, text: str, manner: Manner) -> str | None:
        """Return the text in another manner, None if that would change what it says."""
        return await reword(self._deps, text, manner)

    async def _run(
        self, conversation_id: str, start: Conversation, model: ChatModel
    ) -> AsyncGenerator[Event, None]:
        stream = self._graph.astream(
            start,
            _thread(conversation_id),
            context=replace(self._deps, model=model),
            stream_mode="custom",
            durability="sync",
        )
        async with aclosing(stream):
            async for event in stream:
                yield event

    async def _compose(self, conversation_id: str, timings: Timings, model: ChatModel) -> Reply:
        snapshot = await self._graph.aget_state(_thread(conversation_id))
        state: Conversation = snapshot.values
        return Reply(
            outcome=state["outcome"],
            reason=state["reason"],
            confidence=round(self._correct(state), 4),
            text=state["text"],
            sentences=state["sentences"],
            sources=[show(passage) for passage in state["passages"]],
            timings=timings,
            provenance=self._provenance(state["index_generation"], model),
            language=state["language"],
        )

    def _correct(self, state: Conversation) -> float:
        return self._deps.calibration.correct(state["confidence"], state["reason"])

    def _provenance(self, generation: int, model: ChatModel) -> Provenance:
        return Provenance(
            model=model.name,
            model_sha256=model.sha256,
            prompt_version=read_version(),
            index_generation=generation,
            seed=self._deps.seed,
        )

    @asynccontextmanager
    async def _turn(self, conversation_id: str) -> AsyncIterator[None]:
        """Hold the conversation's lock, which is there as long as somebody wants it."""
        lock, users = self._locks.get(conversation_id, (anyio.Lock(), 0))
        self._locks[conversation_id] = (lock, users + 1)
        try:
            async with lock:
                yield
        finally:
            lock, users = self._locks.pop(conversation_id)
            if users > 1:
                self._locks[conversation_id] = (lock, users - 1)


def _begin(
    turn_id: str,
    question: str,
    audience: str,
    history: Sequence[Message],
    wish: Wish | None,
) -> Conversation:
    """Return the state that a turn begins with; nothing of the turn before may linger."""
    start: dict[str, Any] = {
        "turn_id": turn_id,
        "question": question,
        "wish": wish,
        "audience": audience,
        "outcome": None,
        "reason": None,
        "confidence": 0.0,
        "standalone": question,
        "language": "en",
        "passages": [],
        "evidence": {},
        "index_generation": 0,
        "text": "",
        "sentences": [],
    }
    if history:
        start["given"] = list(history)
    # Outcome and reason are None until a node sets them, and nothing reads them before.
    return cast("Conversation", start)


def _thread(conversation_id: str) -> Any:  # noqa: ANN401 - LangChain's RunnableConfig
    return {"configurable": {"thread_id": conversation_id}}
