"""Customers who ask one thing after another, several at once, and how long they wait."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

SEED = 20261127
ZIPF = 1.1
# Nothing is given up: a slow system is to show how slow it is.
PATIENCE_S = 1800.0
T = TypeVar("T")
Result = dict[str, Any]
Notify = Callable[[str, Result], None]


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds to the first piece of text, and how many pieces there were."""

    first_s: float
    pieces: int


def repeat(asked: Sequence[T], count: int) -> list[T]:
    """Draw by a Zipf law: what stands first is asked most often."""
    rng = random.Random(SEED)  # noqa: S311 - a sample
    weights = [1 / rank**ZIPF for rank in range(1, len(asked) + 1)]
    return rng.choices(list(asked), weights, k=count)


async def run_loads(
    ask: Callable[[T, str], AsyncIterator[str]],
    asked: Sequence[T],
    users: Sequence[int],
    notify: Notify = lambda _load, _result: None,
) -> Result:
    """Return the figures for each number of customers, with new questions and repeated ones.

    `ask` is given what is asked and the load's name, which its prompts are to begin with, so that
    nothing is left of the load before.
    """
    result: Result = {"cold": {}, "zipf": {}}
    for several in users:
        for kind, played in (("cold", asked), ("zipf", repeat(asked, 2 * len(asked)))):
            load = f"{kind}, {several} at once"
            told = await _run_load(ask, played, several, load)
            result[kind][str(several)] = told
            notify(load, told)
    return result


async def _run_load(
    ask: Callable[[T, str], AsyncIterator[str]], asked: Sequence[T], users: int, load: str
) -> Result:
    waiting, timings = list(reversed(asked)), list[Timing]()

    async def visit() -> None:
        while waiting:
            timings.append(await time_pieces(ask(waiting.pop(), load)))

    begun = time.perf_counter()
    await asyncio.gather(*(visit() for _ in range(users)))
    seconds = time.perf_counter() - begun
    firsts = [timing.first_s for timing in timings]
    return {
        "turns_per_minute": 60 * len(timings) / seconds,
        "tokens_per_second": sum(timing.pieces for timing in timings) / seconds,
        "ttft_p50_s": float(np.quantile(firsts, 0.5)),
        "ttft_p95_s": float(np.quantile(firsts, 0.95)),
    }


async def time_pieces(pieces: AsyncIterator[str]) -> Timing:
    """Return when a text began to come, and read it to its end."""
    begun = time.perf_counter()
    moments = await list_moments(pieces)
    first = moments[0] if moments else time.perf_counter()
    return Timing(first - begun, len(moments))


async def list_moments(pieces: AsyncIterator[str]) -> list[float]:
    """Read a text to its end; return when each of its pieces came, in seconds."""
    async with aclosing(pieces) as read:  # type: ignore[type-var] # a generator
        return [time.perf_counter() async for _ in read]
