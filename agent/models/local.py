"""The embedded model: a queue in front of one worker process."""

import asyncio
import contextlib
import statistics
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Sequence
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

from agent.errors import ModelBusy, ModelFailed, ModelUnusable
from agent.models.child import Answer, Child, ChildEnded
from agent.models.memory import estimate_memory, read_available_memory
from agent.ports import ChatMessage, Clock, Completion

STARTS = 3
LOADING_S = 120.0
WARMING_S = 60.0
COUNTING_S = 10.0
CANCELLING_S = 5.0
CLOSING_S = 3.0
UNKNOWN_DURATION_S = 10.0
REMEMBERED_DURATIONS = 20

WARM_UP = Completion(messages=({"role": "user", "content": "Hello"},), max_tokens=1)


class LocalChatModel:
    """A GGUF file in a child process; answers one request at a time, first come first served.

    A child that dies before it has said anything is replaced and the request is tried once more;
    one that dies later fails the request, and the next request finds a new child.
    `context_tokens` is shared by prompt and completion; `waiting` requests may queue.
    """

    def __init__(  # noqa: PLR0913 - each is the caller's to choose
        self,
        path: Path,
        name: str,
        sha256: str,
        *,
        context_tokens: int = 4096,
        threads: int = 2,
        clock: Clock,
        waiting: int = 8,
        available_memory: Callable[[], int | None] = read_available_memory,
    ) -> None:
        self._path = path.resolve()
        self._name = name
        self._sha256 = sha256
        self._context_tokens = context_tokens
        self._threads = threads
        self._clock = clock
        self._most_waiting = waiting
        self._available_memory = available_memory
        self._child: Child | None = None
        self._settling: asyncio.Task[None] | None = None
        self._place = asyncio.Lock()
        self._starting = asyncio.Lock()
        self._waiting = 0
        self._durations: deque[float] = deque(maxlen=REMEMBERED_DURATIONS)
        self._closed = False
        self._broken = ""

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
        return self._context_tokens

    @property
    def ready(self) -> bool:
        """Whether a child has answered its warm-up request and is still there."""
        return self._child is not None and self._child.alive

    async def start(self) -> None:
        """Load the model and warm it up. Raises ModelUnusable."""
        self._broken = ""
        await self._require_child()

    async def aclose(self) -> None:
        """End the child."""
        self._closed = True
        if self._settling:
            await asyncio.wait([self._settling])
        async with self._starting:
            if self._child:
                await self._child.close(CLOSING_S)

    async def stream(self, request: Completion) -> AsyncIterator[str]:
        """Yield pieces of text. Raises ModelBusy, ModelFailed or ModelUnusable.

        Closing the iterator returns at once; the child is freed behind the scenes, before the
        next request gets it.
        """
        deadline = self._clock.monotonic() + request.deadline_s
        async with self._take_place(deadline):
            said = False
            for retried in (False, True):
                try:
                    async with aclosing(self._attempt(request, deadline)) as pieces:
                        async for piece in pieces:
                            said = True
                            yield piece
                except ChildEnded as error:
                    if said or retried:
                        raise ModelFailed("The model's process ended; it is restarted.") from error
                else:
                    return

    async def count_tokens(self, messages: Sequence[ChatMessage]) -> int:
        """Return how many tokens the messages take as a prompt. Doesn't wait for a place."""
        for _ in range(2):
            child = await self._require_child()
            with (
                contextlib.suppress(ChildEnded),
                _as_failure("count tokens"),
                child.ask("count", messages=list(messages)) as answer,
            ):
                return int((await answer.next(COUNTING_S))["tokens"])
        raise ModelFailed("The model's process ended twice while it counted tokens.")

    @asynccontextmanager
    async def _take_place(self, deadline: float) -> AsyncIterator[None]:
        if self._waiting >= self._most_waiting and self._place.locked():
            raise ModelBusy(self._estimate_wait())
        self._waiting += 1
        try:
            with _as_failure("wait for a place"):
                await asyncio.wait_for(self._place.acquire(), self._remaining(deadline))
        finally:
            self._waiting -= 1
        begun = self._clock.monotonic()
        try:
            yield
        finally:
            self._durations.append(self._clock.monotonic() - begun)
            self._place.release()

    def _estimate_wait(self) -> float:
        usual = statistics.mean(self._durations) if self._durations else UNKNOWN_DURATION_S
        return max(1.0, usual * (self._waiting + 1))

    def _remaining(self, deadline: float) -> float:
        return max(0.0, deadline - self._clock.monotonic())

    async def _attempt(self, request: Completion, deadline: float) -> AsyncGenerator[str, None]:
        child = await self._require_free_child(deadline)
        with child.ask("generate", **_to_fields(request)) as answer:
            ended = False
            try:
                while (event := await self._next(answer, deadline))["event"] == "text":
                    yield event["text"]
                ended = True
            except ChildEnded:
                ended = True
                raise
            finally:
                if not ended:
                    self._settling = asyncio.create_task(_settle(child, answer))
        if event["event"] == "error":
            raise ModelFailed(event["message"])

    async def _next(self, answer: Answer, deadline: float) -> dict[str, Any]:
        with _as_failure("answer in time"):
            return await answer.next(self._remaining(deadline))

    async def _require_free_child(self, deadline: float) -> Child:
        if self._settling:
            await asyncio.wait([self._settling], timeout=self._remaining(deadline))
        return await self._require_child()

    async def _require_child(self) -> Child:
        async with self._starting:
            if self._closed:
                raise ModelFailed("The model is shut down.")
            if self._broken:
                raise ModelUnusable(self._broken)
            if self._child is None or not self._child.alive:
                self._child = await self._launch()
            return self._child

    async def _launch(self) -> Child:
        self._check()
        for _ in range(STARTS):
            child = await Child.spawn(self._path, self._context_tokens, self._threads)
            try:
                await _warm_up(child)
            except (ChildEnded, TimeoutError):
                await child.kill()
                last_words = await child.explain()
            except BaseException:
                await asyncio.shield(child.kill())
                raise
            else:
                return child
        self._broken = f"{self._path} could not be started. Its last words:\n{last_words}"
        raise ModelUnusable(self._broken)

    def _check(self) -> None:
        if not self._path.is_file():
            raise ModelUnusable(f"{self._path} is missing; get it with `frontdesk models pull`.")
        needed = estimate_memory(self._path.stat().st_size, self._context_tokens)
        available = self._available_memory()
        if available is not None and available < needed:
            raise ModelUnusable(
                f"{self._name} needs about {needed / 1e9:.1f} GB of memory, but only "
                f"{available / 1e9:.1f} GB are free. End other programs, or take a smaller model."
            )


async def _warm_up(child: Child) -> None:
    await child.wait_loaded(LOADING_S)
    with child.ask("generate", **_to_fields(WARM_UP)) as answer:
        while (await answer.next(WARMING_S))["event"] == "text":
            pass


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


def _to_fields(request: Completion) -> dict[str, Any]:
    return {
        "messages": list(request.messages),
        "max_tokens": request.max_tokens,
        "temperature": request.temperature,
        "seed": request.seed,
        "stop": list(request.stop),
        "schema": request.schema,
    }
