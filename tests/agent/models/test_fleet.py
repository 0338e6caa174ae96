"""Two models at once, each in its process."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pytest

from agent.errors import ModelFailed
from agent.models.fleet import Fleet
from agent.models.local import LocalChatModel
from agent.models.memory import Sizes
from agent.ports import Clock
from tests.contracts.chat_model import ChatModelContract, ask, read

pytestmark = [pytest.mark.model]
SIZES = Sizes(sequences=2, cells=4096, prefix_bytes=2**24)


class Opened(NamedTuple):
    answering: LocalChatModel
    small: LocalChatModel


@asynccontextmanager
async def open_two(path: Path, clock: Clock, *names: str) -> AsyncIterator[Opened]:
    models = [LocalChatModel(path, name, name, sizes=SIZES, clock=clock) for name in names]
    for model in models:
        await model.start()
    yield Opened(*models)
    for model in models:
        await model.aclose()


@pytest.fixture(scope="module")
async def opened(small_model: Path, clock: Clock) -> AsyncIterator[Opened]:
    async with open_two(small_model, clock, "answering", "small") as two:
        yield two


class TestFleet(ChatModelContract):
    @pytest.fixture
    def model(self, opened: Opened) -> Fleet:
        return Fleet(*opened)


async def test_small_work_goes_to_the_small_model(opened: Opened) -> None:
    fleet = Fleet(*opened)
    before = opened.answering.usage.requests, opened.small.usage.requests
    await read(fleet, ask("Say yes."))
    await read(fleet, replace(ask("Say no."), small=True))
    after = opened.answering.usage.requests, opened.small.usage.requests
    assert after == (before[0] + 1, before[1] + 1)
    assert fleet.usage.requests == sum(after)


async def test_it_is_known_by_both_and_answers_for_the_first(opened: Opened) -> None:
    fleet = Fleet(*opened)
    assert fleet.name == "answering + small"
    assert fleet.sha256 == "answering"
    assert fleet.ready
    request = ask("What is the capital of France? One word.")
    scores = await fleet.score(request, ["Paris", "Two bananas"])
    assert scores[0] > scores[1]
    assert await fleet.weigh(ask("Say yes.", max_tokens=2))


async def wait_until_ended(model: LocalChatModel) -> None:
    for _ in range(1000):
        if not model.ready:
            return
        await asyncio.sleep(0.01)
    pytest.fail("It runs still.")


@pytest.fixture
async def pair(small_model: Path, clock: Clock) -> AsyncIterator[Opened]:
    async with open_two(small_model, clock, "first", "second") as two:
        yield two


async def test_what_a_model_began_it_ends_and_what_comes_then_is_its_successor_s(
    pair: Opened,
) -> None:
    first, second = pair
    fleet = Fleet(first)
    begun = fleet.stream(ask("Count from 1 to 20.", max_tokens=48))
    text = await anext(begun)
    fleet.succeed(second)
    later = await read(fleet, ask("Say yes."))
    assert first.ready
    text += "".join([piece async for piece in begun])
    await wait_until_ended(first)
    assert "10" in text
    assert later
    assert (first.usage.requests, second.usage.requests) == (1, 1)
    assert fleet.usage.requests == 2
    assert fleet.name == "second"


async def test_a_turn_has_one_model_for_all_that_it_asks(pair: Opened) -> None:
    first, second = pair
    fleet = Fleet(first)
    with fleet.hold() as held:
        fleet.succeed(second)
        assert held.sha256 == "first"
        assert await read(held, ask("Say yes."))
        assert await held.count_tokens(ask("Say yes.").messages)
        assert second.usage.requests == 0
    await wait_until_ended(first)


async def test_nothing_is_lost_while_one_model_follows_the_other(pair: Opened) -> None:
    first, second = pair
    fleet = Fleet(first)
    questions = [asyncio.create_task(read(fleet, ask(f"Count to {n}."))) for n in range(3, 15)]
    await asyncio.sleep(0.2)
    fleet.succeed(second)
    questions += [asyncio.create_task(read(fleet, ask(f"Count to {n}."))) for n in range(3, 9)]
    answers = await asyncio.gather(*questions)
    await wait_until_ended(first)
    assert all(answers)
    assert first.usage.requests + second.usage.requests == len(questions)


async def test_all_of_a_fleet_end_with_it(pair: Opened) -> None:
    first, second = pair
    fleet = Fleet(first)
    fleet.succeed(second)
    await fleet.aclose()
    assert not first.ready
    assert not second.ready


async def test_all_of_a_fleet_end_though_one_is_let_go_meanwhile(pair: Opened) -> None:
    first, second = pair
    fleet = Fleet(first)
    reading = asyncio.create_task(read(fleet, ask("Count from 1 to 300.", max_tokens=700)))
    await asyncio.sleep(0.2)
    fleet.succeed(second)
    await fleet.aclose()
    assert not first.ready
    assert not second.ready
    with pytest.raises(ModelFailed):
        await reading
