import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path

import pytest

from agent.errors import ModelBusy, ModelFailed, ModelUnusable
from agent.models.local import LocalChatModel
from agent.ports import Clock, Completion
from tests.contracts.chat_model import ChatModelContract, ask, read

pytestmark = [pytest.mark.model]

ENDLESS = ask("Count from 1 to 1000, one number a line.", max_tokens=3000)
LONG_PROMPT = ask("The guest asks about the key. " * 80, max_tokens=8)


@pytest.fixture(scope="module")
async def model(small_model: Path, clock: Clock) -> AsyncIterator[LocalChatModel]:
    model = LocalChatModel(small_model, "small", "", clock=clock, waiting=2)
    await model.start()
    yield model
    await model.aclose()


class TestLocalChatModel(ChatModelContract):
    pass


def child_of(model: LocalChatModel) -> int:
    assert model._child
    return model._child.pid


async def test_a_started_model_is_ready(model: LocalChatModel) -> None:
    assert model.ready


async def test_a_kept_prefix_changes_no_word(model: LocalChatModel) -> None:
    rules = "You answer for a house by the sea. Breakfast is at eight. " * 20
    asked = [
        Completion(
            ({"role": "system", "content": rules + extra}, {"role": "user", "content": q}), 12
        )
        for extra, q in (("Be brief.", "When is breakfast?"), ("Be kind.", "Where is the house?"))
    ]
    first = [await read(model, request) for request in asked]
    assert [await read(model, request) for request in asked] == first


async def test_a_child_killed_in_the_middle_fails_one_request_only(model: LocalChatModel) -> None:
    async with aclosing(model.stream(ENDLESS)) as pieces:  # type: ignore[type-var] # a generator
        await anext(pieces)
        os.kill(child_of(model), signal.SIGKILL)
        with pytest.raises(ModelFailed):
            [piece async for piece in pieces]
    assert await read(model, ask("Say yes."))


async def test_a_child_killed_before_the_first_word_costs_a_retry(model: LocalChatModel) -> None:
    await model.count_tokens(ENDLESS.messages)
    reading = asyncio.create_task(read(model, LONG_PROMPT))
    await asyncio.sleep(0.3)
    os.kill(child_of(model), signal.SIGKILL)
    assert await reading


async def test_a_long_prompt_can_be_called_off(model: LocalChatModel) -> None:
    child = child_of(model)
    reading = asyncio.create_task(read(model, LONG_PROMPT))
    await asyncio.sleep(0.3)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert await read(model, ask("Say yes."))
    assert child_of(model) == child


async def test_a_full_queue_says_when_to_come_back(model: LocalChatModel) -> None:
    async with aclosing(model.stream(ENDLESS)) as pieces:  # type: ignore[type-var] # a generator
        await anext(pieces)
        waiting = [asyncio.create_task(read(model, ask("Say yes."))) for _ in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(ModelBusy) as busy:
            await read(model, ask("Say no."))
        assert busy.value.retry_after_s >= 1
    assert all(await asyncio.gather(*waiting))


async def test_a_request_past_its_deadline_fails(model: LocalChatModel) -> None:
    hurried = Completion(ENDLESS.messages, ENDLESS.max_tokens, deadline_s=0.5)
    with pytest.raises(ModelFailed):
        await read(model, hurried)
    assert await read(model, ask("Say yes."))


async def test_a_prompt_that_is_too_long_is_refused_with_numbers(model: LocalChatModel) -> None:
    with pytest.raises(ModelFailed, match=r"takes \d+ tokens .* holds 4096"):
        await read(model, ask("word " * 6000))


async def test_a_child_that_hangs_is_replaced(model: LocalChatModel) -> None:
    child = child_of(model)
    async with aclosing(model.stream(ENDLESS)) as pieces:  # type: ignore[type-var] # a generator
        await anext(pieces)
        os.kill(child, signal.SIGSTOP)
    assert await read(model, ask("Say yes."))
    assert child_of(model) != child


async def test_a_closed_model_leaves_no_process(small_model: Path, clock: Clock) -> None:
    model = LocalChatModel(small_model, "small", "", clock=clock)
    await model.start()
    child = child_of(model)
    await model.aclose()
    with pytest.raises(ProcessLookupError):
        os.kill(child, 0)
    with pytest.raises(ModelFailed, match="shut down"):
        await read(model, ask("Hello"))


async def test_a_corrupt_file_is_unusable(tmp_path: Path, clock: Clock) -> None:
    path = tmp_path / "broken.gguf"
    path.write_bytes(b"GGUF" + b"\xff" * 5000)
    with pytest.raises(ModelUnusable, match="Failed to load model"):
        await LocalChatModel(path, "broken", "", clock=clock).start()


async def test_a_missing_file_is_unusable(tmp_path: Path, clock: Clock) -> None:
    with pytest.raises(ModelUnusable, match="frontdesk models pull"):
        await LocalChatModel(tmp_path / "none.gguf", "none", "", clock=clock).start()


async def test_too_little_memory_is_said_before_loading(small_model: Path, clock: Clock) -> None:
    model = LocalChatModel(small_model, "small", "", clock=clock, available_memory=lambda: 10**8)
    with pytest.raises(ModelUnusable, match=r"needs about 0\.9 GB .* only 0\.1 GB"):
        await model.start()
