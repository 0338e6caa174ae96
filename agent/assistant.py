"""The agent's front door."""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from typing import Any, cast

import anyio
from langgraph.types import Command

from agent.errors import NotHandedOff
from agent.events import Done, Event, HandedOff, SentenceVerified, Sources
from agent.graph import build_graph
from agent.language.phrases import say
from agent.nodes.retrieve import show
from agent.ports import Deps
from agent.state import (
    Conversation,
    Message,
    Outcome,
    Provenance,
    Reason,
    Reply,
    Timings,
)
from knowledge_base.articles import PUBLIC
from prompts import read_version


class Assistant:
    """Answers turns of conversations, one at a time in each."""

    def __init__(self, deps: Deps, checkpointer: Any) -> None:  # noqa: ANN401 - LangGraph's saver
        self._deps = deps
        self._graph = build_graph(checkpointer)
        self._locks: dict[str, tuple[anyio.Lock, int]] = {}

    async def reply(
        self,
        conversation_id: str,
        turn_id: str,
        question: str,
        audience: str = PUBLIC,
        history: Sequence[Message] = (),
    ) -> AsyncGenerator[Event, None]:
        """Yield the turn's events; the last one is Done.

        `history` is what was said elsewhere before the first turn. A turn may be run again under
        its id: it leaves one exchange behind. Raises ModelBusy, ModelFailed or ModelUnusable.
        """
        async with self._turn(conversation_id):
            if await self._is_with_person(conversation_id, turn_id):
                for event in self._stay_silent(turn_id, question):
                    yield event
                return
            watch = _Stopwatch(self._deps)
            start = _begin(turn_id, question, audience, history)
            async with aclosing(self._run(conversation_id, start)) as events:
                async for event in events:
                    watch.note(event)
                    yield event
            yield await self._finish(conversation_id, turn_id, watch)

    async def resume(self, conversation_id: str, text: str) -> None:
        """Take a person's reply into the conversation, and give it back to the agent.

        Raises NotHandedOff if the conversation does not wait for a person.
        """
        async with self._turn(conversation_id):
            snapshot = await self._graph.aget_state(_thread(conversation_id))
            if not snapshot.interrupts:
                raise NotHandedOff
            await self._graph.ainvoke(
                Command(resume=text),
                _thread(conversation_id),
                context=self._deps,
                durability="sync",
            )

    async def _run(self, conversation_id: str, start: Conversation) -> AsyncGenerator[Event, None]:
        stream = self._graph.astream(
            start,
            _thread(conversation_id),
            context=self._deps,
            stream_mode="custom",
            durability="sync",
        )
        async with aclosing(stream):
            async for event in stream:
                yield event

    async def _finish(self, conversation_id: str, turn_id: str, watch: "_Stopwatch") -> Done:
        snapshot = await self._graph.aget_state(_thread(conversation_id))
        return Done(turn_id=turn_id, reply=self._compose(snapshot.values, watch.read()))

    def _compose(self, state: Conversation, timings: Timings) -> Reply:
        return Reply(
            outcome=state["outcome"],
            reason=state["reason"],
            confidence=round(self._correct(state), 4),
            text=state["text"],
            sentences=state["sentences"],
            sources=[show(passage) for passage in state["passages"]],
            timings=timings,
            provenance=self._provenance(state["index_generation"]),
        )

    def _correct(self, state: Conversation) -> float:
        return self._deps.calibration.correct(state["confidence"], state["reason"])

    def _provenance(self, generation: int) -> Provenance:
        return Provenance(
            model=self._deps.model.name,
            model_sha256=self._deps.model.sha256,
            prompt_version=read_version(),
            index_generation=generation,
            seed=self._deps.seed,
        )

    async def _is_with_person(self, conversation_id: str, turn_id: str) -> bool:
        snapshot = await self._graph.aget_state(_thread(conversation_id))
        return bool(snapshot.interrupts) and snapshot.values.get("turn_id") != turn_id

    def _stay_silent(self, turn_id: str, question: str) -> Sequence[Event]:
        text = say(Reason.WITH_PERSON.value, self._deps.languages.detect(question))
        reply = Reply(
            outcome=Outcome.HANDED_OFF,
            reason=Reason.WITH_PERSON,
            confidence=1.0,
            text=text,
            sentences=[],
            sources=[],
            timings=Timings(total_s=0.0),
            provenance=self._provenance(0),
        )
        event = HandedOff(reason=Reason.WITH_PERSON, text=text)
        return (event, Done(turn_id=turn_id, reply=reply))

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


class _Stopwatch:
    """Notes when a turn's events come by."""

    def __init__(self, deps: Deps) -> None:
        self._clock = deps.clock
        self._start = deps.clock.monotonic()
        self._source: float | None = None
        self._sentence: float | None = None

    def note(self, event: Event) -> None:
        passed = self._clock.monotonic() - self._start
        if isinstance(event, Sources) and self._source is None:
            self._source = passed
        if isinstance(event, SentenceVerified) and self._sentence is None:
            self._sentence = passed

    def read(self) -> Timings:
        return Timings(
            first_source_s=_rounded(self._source),
            first_sentence_s=_rounded(self._sentence),
            total_s=round(self._clock.monotonic() - self._start, 3),
        )


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 3)


def _begin(turn_id: str, question: str, audience: str, history: Sequence[Message]) -> Conversation:
    """Return the state that a turn begins with; nothing of the turn before may linger."""
    start: dict[str, Any] = {
        "turn_id": turn_id,
        "question": question,
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
