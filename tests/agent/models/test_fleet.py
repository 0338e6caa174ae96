"""Two models at once, each in its process."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pytest

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


@pytest.fixture(scope="module")
async def opened(small_model: Path, clock: Clock) -> AsyncIterator[Opened]:
    names = ("answering", "small")
    models = [LocalChatModel(small_model, name, name, sizes=SIZES, clock=clock) for name in names]
    for model in models:
        await model.start()
    yield Opened(*models)
    for model in models:
        await model.aclose()


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
    messages = ask("What is the capital of France? One word.").messages
    scores = await fleet.score(messages, ["Paris", "Two bananas"], "public")
    assert scores[0] > scores[1]
    assert await fleet.weigh(ask("Say yes.", max_tokens=2))
