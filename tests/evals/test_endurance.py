import asyncio
import os
from collections.abc import AsyncIterator

from agent.lanes import Lane
from agent.ports import Completion
from evals.endurance import measure_lanes, measure_leaving, measure_memory
from evals.engine import Turn
from knowledge_base.articles import Passage
from tests.fakes.chat_model import FakeChatModel

TURNS = [
    Turn(f"What is fact {n}?", (Passage(f"a{n}#0", f"a{n}", "Facts", (), f"Fact {n}.", "public"),))
    for n in range(3)
]


class SlowModel(FakeChatModel):
    async def stream(self, request: Completion) -> AsyncIterator[str]:
        async for piece in super().stream(request):
            await asyncio.sleep(0.001)
            yield piece


async def test_a_customer_s_wait_is_measured_alone_and_beside_batch_work() -> None:
    model = SlowModel()
    told = await measure_lanes(model, TURNS)
    assert told["ratio"] == told["busy_s"] / told["idle_s"]
    assert {request.lane for request in model.requests} == {Lane.CHAT, Lane.BATCH}
    assert len({request.messages[0]["content"] for request in model.requests}) == len(
        model.requests
    )
    assert model.open == 0


async def test_a_customer_who_left_is_gone() -> None:
    model = SlowModel(otherwise="word " * 10_000)
    assert await measure_leaving(model, os.getpid(), watched_s=0.01) >= 0
    assert model.open == 0


async def test_all_requests_are_made_and_those_who_stayed_are_told_something() -> None:
    seen: list[int] = []
    told = await measure_memory(FakeChatModel(), os.getpid(), 40, 4, seen.append)
    assert sorted(seen) == list(range(40))
    assert told["failed"] == 0
    assert told["early_mib"] > 1
    assert told["after_mib"] > 1


async def test_who_was_told_nothing_is_counted() -> None:
    told = await measure_memory(FakeChatModel(otherwise=""), os.getpid(), 40, 4)
    assert told["failed"] == 36  # a tenth left by themselves
