"""What a model does when customers leave, when work lies behind them, and after many of them."""

import asyncio
import contextlib
import random
from collections.abc import Callable, Sequence
from contextlib import aclosing, suppress
from dataclasses import replace

import numpy as np

from agent.errors import FrontdeskError
from agent.lanes import Lane
from agent.ports import ChatModel, Completion
from evals.engine import Turn
from evals.loads import PATIENCE_S, time_pieces
from evals.processes import read_cpu_seconds, read_memory

SEED = 20261128
ASKED = 3
BEHIND = 4
TOKENS = 16
LEAVES_AFTER_S = 1.0
WATCHED_S = 10.0
LONG = " ".join(f"Item {number} stands on shelf {number % 7}." for number in range(250))
SHORT = ("Name a colour.", "Name a river.", "Count to five.", "Say hello.", "Name a tree.")


async def measure_lanes(model: ChatModel, turns: Sequence[Turn]) -> dict[str, float]:
    """Return seconds to a customer's first token, alone and while batch work never ends.

    Medians of the same questions; each prompt begins with words of its own.
    """
    idle = await _measure_firsts(model, turns, "idle")
    behind = [asyncio.create_task(_work_on(model, turns, number)) for number in range(BEHIND)]
    try:
        await asyncio.sleep(LEAVES_AFTER_S)
        busy = await _measure_firsts(model, turns, "busy")
    finally:
        for task in behind:
            task.cancel()
        await asyncio.wait(behind)
    return {"idle_s": idle, "busy_s": busy, "ratio": busy / idle}


async def _measure_firsts(model: ChatModel, turns: Sequence[Turn], when: str) -> float:
    firsts = [
        (await time_pieces(model.stream(turn.ask(f"{number} {when}", TOKENS)))).first_s
        for number, turn in enumerate(turns[:ASKED])
    ]
    return float(np.median(firsts))


async def _work_on(model: ChatModel, turns: Sequence[Turn], number: int) -> None:
    for round_ in range(10_000):
        turn = turns[(number + round_) % len(turns)]
        asked = turn.ask(f"batch {number} {round_}", 4 * TOKENS)
        await time_pieces(model.stream(replace(asked, lane=Lane.BATCH)))


async def measure_leaving(model: ChatModel, pid: int, watched_s: float = WATCHED_S) -> float:
    """Return the processor seconds burnt after a customer left in the middle of the prompt."""
    request = Completion(({"role": "user", "content": LONG},), 256, deadline_s=PATIENCE_S)
    with suppress(TimeoutError):
        async with asyncio.timeout(LEAVES_AFTER_S):
            await time_pieces(model.stream(request))
    before = read_cpu_seconds(pid)
    await asyncio.sleep(watched_s)
    return read_cpu_seconds(pid) - before


async def measure_memory(
    model: ChatModel,
    pid: int,
    requests: int,
    users: int,
    notify: Callable[[int], None] = lambda _: None,
) -> dict[str, float]:
    """Return the memory after a tenth of so many short requests, and after all of them, in MiB.

    A tenth of the customers leave at some moment. `failed` counts those who stayed for nothing.
    """
    rng, left, failed = random.Random(SEED), iter(range(requests)), 0  # noqa: S311 - a sample
    early = 0.0

    async def visit() -> None:
        nonlocal failed, early
        for number in left:
            if number == requests // 10:
                early = read_memory(pid)
            if not await _ask(model, number, rng):
                failed += 1
            notify(number)

    await asyncio.gather(*(visit() for _ in range(users)))
    after = read_memory(pid)
    return {"requests": requests, "early_mib": early, "after_mib": after, "failed": failed}


async def _ask(model: ChatModel, number: int, rng: random.Random) -> bool:
    """Ask something short; return False if somebody who stayed was told nothing."""
    words = f"{rng.choice(SHORT)} {rng.randrange(50)}"
    request = Completion(({"role": "user", "content": words},), rng.randrange(1, TOKENS))
    patience = rng.random() if number % 10 == 0 else None
    told = False
    with contextlib.suppress(TimeoutError, FrontdeskError):
        async with (
            asyncio.timeout(patience),
            aclosing(model.stream(request)) as pieces,  # type: ignore[type-var] # a generator
        ):
            async for _ in pieces:
                told = True
    return told or patience is not None
