"""The embedded model: many requests at once in one worker process."""

import asyncio
import contextlib
import statistics
from collections import Counter, deque
from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Awaitable,
    Callable,
    Iterator,
    Sequence,
)
from contextlib import aclosing
from pathlib import Path
from typing import Any

from agent.errors import ModelBusy, ModelFailed
from agent.lanes import Lane
from agent.models.child import Answer, Child, ChildEnded, Weights
from agent.models.memory import Sizes, read_available_memory
from agent.models.supervision import Supervisor, to_fields
from agent.ports import Chance, ChatMessage, Clock, Completion, Usage

COUNTING_S = 10.0
CANCELLING_S = 5.0
UNKNOWN_DURATION_S = 10.0
REMEMBERED_PACES = 20
DEFAULT_SIZES = Sizes()


class LocalChatModel:
    """A GGUF file in a child process, which works on `sizes.sequences` requests at once.

    A child that dies before it has said anything is replaced and the request is tried once more;
    one that dies later fails the request, and the next request finds a new child.
    Beyond those that are worked on, `waiting` requests may queue; more are told to come back. Only
    those of a lane and of the lanes before it stand in its way.
    """

    def __init__(  # noqa: PLR0913 - each is the caller's to choose
        self,
        path: Path,
        name: str,
        sha256: str,
        *,
        sizes: Sizes = DEFAULT_SIZES,
        clock: Clock,
        waiting: int = 32,
        available_memory: Callable[[], int | None] = read_available_memory,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._name = name
        self._sha256 = sha256
        self._sizes = sizes
        self._clock = clock
        self._most_waiting = waiting
        self._supervisor = Supervisor(
            path,
            sizes=sizes,
            clock=clock,
            available_memory=available_memory,
            sleep=sleep,
        )
        self.usage = Usage()
        self._settling: set[asyncio.Task[None]] = set()
        self._open: Counter[Lane] = Counter()
        self._paces: deque[float] = deque(maxlen=REMEMBERED_PACES)

    @property
    def name(self) -> str:
        """The model's name."""
        return self._name

    @property
    def sha256(self) -> str:
        """The hash of the model's file."""
        return self._sha256

    @property
    def context_tokens(self) -> int:
        """How many tokens a prompt and its completion may have together."""
        return self._sizes.context_tokens

    @property
    def weights(self) -> Weights:
        """How large the model is, 0 before it was loaded."""
        return self._supervisor.weights

    @property
    def ready(self) -> bool:
        """Whether a child has answered its warm-up request and is still there."""
        return self._supervisor.ready

    async def start(self) -> None:
        """Load the model and warm it up. Raises ModelUnusable."""
        self._supervisor.forgive()
        await self._supervisor.require()

    async def aclose(self) -> None:
        """End the child."""
        if self._settling:
            await asyncio.wait(self._settling)
        await self._supervisor.aclose()

    async def stream(self, request: Completion) -> AsyncIterator[str]:
        """Yield pieces of text. Raises ModelBusy, ModelFailed or ModelUnusable.

        Closing the iterator returns at once; the child drops the request behind the scenes.
        """
        async with aclosing(self._run(request)) as events:
            async for event in events:
                if event["event"] == "text":
                    yield event["text"]

    async def weigh(self, request: Completion) -> list[Chance]:
        """Return the tokens of the text, each with its log-probability.

        Raises ModelBusy, ModelFailed or ModelUnusable.
        """
        event = await self._read_end(request, chances=True)
        return [Chance(*each) for each in event["chances"]]

    async def score(self, request: Completion, continuations: Sequence[str]) -> list[float]:
        """Return for each continuation the log-probability that it follows the messages.

        Raises ModelBusy, ModelFailed or ModelUnusable.
        """
        if not continuations:
            return []
        event = await self._read_end(request, continuations)
        return list(event["scores"])

    async def _read_end(
        self, request: Completion, continuations: Sequence[str] = (), *, chances: bool = False
    ) -> dict[str, Any]:
        """Return the last that the child tells of a request."""
        async with aclosing(self._run(request, continuations, chances=chances)) as events:
            return [event async for event in events][-1]

    async def _run(
        self, request: Completion, continuations: Sequence[str] = (), *, chances: bool = False
    ) -> AsyncGenerator[dict[str, Any], None]:
        """Yield what the child tells of a request; one that ended before a word is asked again."""
        deadline = self._clock.monotonic() + request.deadline_s
        fields = to_fields(request, continuations, chances=chances)
        with self._take_place(request.lane):
            said = False
            for retried in (False, True):
                try:
                    async with aclosing(self._attempt(request, fields, deadline)) as events:
                        async for event in events:
                            said = True
                            yield event
                except ChildEnded as error:
                    if said or retried:
                        raise ModelFailed("The model's process ended; it is restarted.") from error
                else:
                    return

    async def count_tokens(self, messages: Sequence[ChatMessage]) -> int:
        """Return how many tokens the messages take as a prompt. Doesn't wait for a place."""
        for _ in range(2):
            with contextlib.suppress(ChildEnded), _as_failure("count tokens"):
                child = await self._supervisor.require()
                event = await child.ask("count", messages=list(messages)).next(COUNTING_S)
                if event["event"] == "error":
                    raise ModelFailed(event["message"])
                return int(event["tokens"])
        raise ModelFailed("The model's process ended twice while it counted tokens.")

    @contextlib.contextmanager
    def _take_place(self, lane: Lane) -> Iterator[None]:
        ahead = sum(count for other, count in self._open.items() if other <= lane)
        if ahead >= self._sizes.sequences + self._most_waiting:
            raise ModelBusy(self._estimate_wait())
        self._open[lane] += 1
        begun, together = self._clock.monotonic(), ahead + 1
        try:
            yield
        finally:
            self._open[lane] -= 1
            self._paces.append((self._clock.monotonic() - begun) / together)

    def _estimate_wait(self) -> float:
        """Return the seconds until those who wait are worked on, by what others took.

        Little's law: where so many are there together, one leaves in each so many-th part of the
        time that each of them stays.
        """
        usual = UNKNOWN_DURATION_S / self._sizes.sequences
        pace = statistics.mean(self._paces) if self._paces else usual
        return max(1.0, pace * (self._most_waiting + 1))

    def _remaining(self, deadline: float) -> float:
        return max(0.0, deadline - self._clock.monotonic())

    async def _attempt(
        self, request: Completion, fields: dict[str, Any], deadline: float
    ) -> AsyncGenerator[dict[str, Any], None]:
        child = await self._require_child(deadline)
        answer = child.ask("generate", **fields)
        event: dict[str, Any] = {}
        try:
            while (event := await self._next(answer, deadline))["event"] == "text":
                yield event
        finally:
            # A child that has ended is settled at once: its last traces are cleared away.
            if event.get("event") not in {"done", "error"}:
                self._settle(child, answer)
        self._supervisor.praise()
        _require_whole(event, request)
        self._count(event)
        yield event

    def _settle(self, child: Child, answer: Answer) -> None:
        settling = asyncio.create_task(_settle(child, answer))
        self._settling.add(settling)
        settling.add_done_callback(self._settling.discard)

    def _count(self, event: dict[str, Any]) -> None:
        self.usage.requests += 1
        self.usage.prompt_tokens += event["prompt_tokens"]
        self.usage.reused_tokens += event["reused_tokens"]
        self.usage.written_tokens += event["tokens"]
        self.usage.repeated_tokens += event["repeated_tokens"]

    async def _next(self, answer: Answer, deadline: float) -> dict[str, Any]:
        with _as_failure("answer in time"):
            return await answer.next(self._remaining(deadline))

    async def _require_child(self, deadline: float) -> Child:
        with _as_failure("get ready in time"):
            async with asyncio.timeout(self._remaining(deadline)):
                return await self._supervisor.require()


def _require_whole(event: dict[str, Any], request: Completion) -> None:
    if event["event"] == "error":
        raise ModelFailed(event["message"])
    if event["reason"] == "length" and request.schema is not None:
        raise ModelFailed(
            f"The schema was not filled within {request.max_tokens} tokens; allow for more."
        )


async def _settle(child: Child, answer: Answer) -> None:
    """Have the child drop a request that nobody waits for, or else end the child."""
    try:
        await child.cancel(answer, CANCELLING_S)
    except (ChildEnded, TimeoutError):
        await child.kill()


@contextlib.contextmanager
def _as_failure(what: str) -> Iterator[None]:
    try:
        yield
    except TimeoutError as error:
        raise ModelFailed(f"The model did not {what}.") from error
