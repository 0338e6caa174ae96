"""One worker process kept running: started when it is needed, replaced when it has ended."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

from agent.errors import ModelFailed, ModelUnusable
from agent.models.child import Child, ChildEnded, Weights
from agent.models.memory import Sizes, estimate_memory, read_available_memory
from agent.ports import Clock, Completion

STARTS = 3
PAUSES_S = (0.0, 0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0)
REST_S = 60.0
LOADING_S = 120.0
WARMING_S = 60.0
CLOSING_S = 3.0

WARM_UP = Completion(messages=({"role": "user", "content": "Hello"},), max_tokens=1)


class Supervisor:
    """Keeps a worker process for a model's file.

    Every end of a child in a row lengthens the pause before the next start; a finished answer
    (`praise`) forgets them. After STARTS starts that failed, none is tried for REST_S: whoever asks
    is told why.
    """

    def __init__(
        self,
        path: Path,
        *,
        sizes: Sizes,
        clock: Clock,
        available_memory: Callable[[], int | None] = read_available_memory,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._path = path.resolve()
        self._sizes = sizes
        self._clock = clock
        self._available_memory = available_memory
        self._sleep = sleep
        self._child: Child | None = None
        self._launching: asyncio.Task[Child] | None = None
        self._ends = 0
        self._broken = ""
        self._rests_until = 0.0
        self._closed = False

    @property
    def ready(self) -> bool:
        """Whether a child has answered its warm-up request and is still there."""
        return self._child is not None and self._child.alive

    @property
    def weights(self) -> Weights:
        """How large the model is, 0 before it was loaded."""
        return self._child.weights if self._child else Weights(0, 0)

    def forgive(self) -> None:
        """Let the next start be tried at once."""
        self._broken, self._ends = "", 0

    def praise(self) -> None:
        """Note that the child has finished an answer."""
        self._ends = 0

    async def require(self) -> Child:
        """Return the child, started if need be. Raises ModelUnusable or ModelFailed.

        Giving up waiting doesn't stop the start: the next one who asks profits from it.
        """
        if self._closed:
            raise ModelFailed("The model is shut down.")
        if self._child and self._child.alive:
            return self._child
        if self._broken and self._clock.monotonic() < self._rests_until:
            raise ModelUnusable(self._broken)
        if self._launching is None or self._launching.done():
            self._launching = asyncio.create_task(self._launch())
            self._launching.add_done_callback(_retrieve)
        return await self._await(self._launching)

    async def aclose(self) -> None:
        """End the child; none is started any more."""
        self._closed = True
        if self._launching and not self._launching.done():
            self._launching.cancel()
            await asyncio.wait([self._launching])
        if self._child:
            await self._child.close(CLOSING_S)

    async def _await(self, launching: asyncio.Task[Child]) -> Child:
        try:
            return await asyncio.shield(launching)
        except asyncio.CancelledError:
            if self._closed and launching.done():
                raise ModelFailed("The model is shut down.") from None
            raise

    async def _launch(self) -> Child:
        if self._child:
            self._ends += 1
            self._child = None
        for _ in range(STARTS):
            self._check()
            await self._sleep(PAUSES_S[min(self._ends, len(PAUSES_S) - 1)])
            child = await self._spawn()
            why = await _try(child)
            if not why:
                self._broken, self._child = "", child
                return child
            self._ends += 1
        self._rests_until = self._clock.monotonic() + REST_S
        self._broken = f"{self._path} could not be started. {why}"
        raise ModelUnusable(self._broken)

    async def _spawn(self) -> Child:
        try:
            return await Child.spawn(self._path, self._sizes)
        except OSError as error:
            raise ModelUnusable(f"The model's process could not be started: {error}") from error

    def _check(self) -> None:
        if not self._path.is_file():
            raise ModelUnusable(f"{self._path} is missing; get it with `frontdesk models pull`.")
        needed = estimate_memory(self._path.stat().st_size, self._sizes)
        available = self._available_memory()
        if available is not None and available < needed:
            raise ModelUnusable(
                f"{self._path.name} needs about {needed / 1e9:.1f} GB of memory, but only "
                f"{available / 1e9:.1f} GB are free. End other programs, or take a smaller model."
            )


async def _try(child: Child) -> str:
    """Wait until the child has loaded and answered; return why it failed, empty if it didn't."""
    try:
        await child.wait_loaded(LOADING_S)
        answer = child.ask("generate", **to_fields(WARM_UP))
        while (event := await answer.next(WARMING_S))["event"] == "text":
            pass
    except (ChildEnded, TimeoutError) as error:
        await child.kill()
        late = "It was not ready in time." if isinstance(error, TimeoutError) else ""
        return await child.explain() or late or "Its process ended without a word."
    except BaseException:
        await asyncio.shield(child.kill())
        raise
    if event["event"] == "error":
        await child.kill()
        return str(event["message"])
    return ""


def to_fields(
    request: Completion, continuations: Sequence[str] = (), *, chances: bool = False
) -> dict[str, Any]:
    """Return a request as the worker reads it.

    With `chances` each token's is told; with `continuations` theirs, and nothing is written.
    """
    return {
        "messages": list(request.messages),
        "max_tokens": request.max_tokens,
        "temperature": request.temperature,
        "seed": request.seed,
        "stop": list(request.stop),
        "schema": request.schema,
        "lane": request.lane,
        "audience": request.audience,
        "common": request.common,
        "chances": chances,
        "continuations": list(continuations),
    }


def _retrieve(launching: asyncio.Task[Child]) -> None:
    # Everybody may have given up waiting; asyncio would complain of an error that nobody reads.
    if not launching.cancelled():
        launching.exception()
