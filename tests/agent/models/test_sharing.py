"""What running requests have in common lies in the model's memory once."""

from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from agent.models.local import LocalChatModel
from agent.models.memory import Sizes
from agent.ports import Chance, Clock, Completion
from tests.contracts.chat_model import read

pytestmark = [pytest.mark.model]
RULES = "You answer for a house by the sea. Breakfast is at eight, and dogs are welcome. " * 8
CLOSE = 0.1


def ask_house(question: str, max_tokens: int = 8) -> Completion:
    system = {"role": "system", "content": RULES}
    return Completion((system, {"role": "user", "content": question}), max_tokens)  # type: ignore[arg-type] # literals


LONG = ask_house("Count from 1 to 300, one number a line.", 700)
ASKED = ask_house("May I bring my dog? Say yes or no.")


@pytest.fixture
async def model(
    small_model: Path, clock: Clock, request: pytest.FixtureRequest
) -> AsyncIterator[LocalChatModel]:
    sizes = Sizes(sequences=4, cells=8192, prefix_bytes=getattr(request, "param", 0))
    model = LocalChatModel(small_model, "small", "", sizes=sizes, clock=clock)
    await model.start()
    yield model
    await model.aclose()


@asynccontextmanager
async def running(model: LocalChatModel) -> AsyncIterator[None]:
    async with aclosing(model.stream(LONG)) as pieces:  # type: ignore[type-var] # a generator
        await anext(pieces)
        yield


async def count_reused(model: LocalChatModel, request: Completion) -> int:
    before = model.usage.reused_tokens
    await read(model, request)
    return model.usage.reused_tokens - before


async def test_what_a_running_request_began_with_is_not_computed_again(
    model: LocalChatModel,
) -> None:
    rules = await model.count_tokens(ASKED.messages[:1])
    assert await count_reused(model, ASKED) == 0
    async with running(model):
        assert await count_reused(model, ASKED) >= rules - 5


async def test_nothing_is_shared_with_another_audience(model: LocalChatModel) -> None:
    async with running(model):
        assert await count_reused(model, replace(ASKED, audience="staff")) == 0


async def test_what_was_shared_stays_when_its_owner_leaves(model: LocalChatModel) -> None:
    alone = await model.weigh(ASKED)
    async with running(model):
        begun = model.stream(replace(ASKED, max_tokens=40))
        first = await anext(begun)
    assert await read(model, ask_house("Say hello."))  # it would write over what was freed
    text = first + "".join([piece async for piece in begun])
    assert text.startswith("".join(chance.text for chance in alone[:2]))


@pytest.mark.parametrize("model", [2**26], indirect=True)
async def test_a_state_saved_from_what_is_shared_is_whole(model: LocalChatModel) -> None:
    async with running(model):
        shared = await model.weigh(ASKED)
    restored = await model.weigh(ASKED)
    assert agree(shared, restored)


@pytest.mark.parametrize("model", [2**26], indirect=True)
async def test_a_prompt_that_is_kept_as_a_whole_is_not_read_beside_its_like(
    model: LocalChatModel,
) -> None:
    async with running(model):
        assert await model.weigh(replace(LONG, max_tokens=2))
    usage = model.usage
    assert usage.reused_tokens == usage.prompt_tokens == await model.count_tokens(LONG.messages)


def agree(left: list[Chance], right: list[Chance]) -> bool:
    """Whether the same was written, with as good as the same certainty."""
    texts = [chance.text for chance in left] == [chance.text for chance in right]
    pairs = zip(left, right, strict=True)
    return texts and all(abs(a.log_probability - b.log_probability) < CLOSE for a, b in pairs)
