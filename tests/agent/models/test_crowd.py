"""Many requests at once on a real model."""

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path

import pytest

from agent.errors import ModelFailed
from agent.lanes import Lane
from agent.models.local import LocalChatModel
from agent.models.memory import Sizes
from agent.ports import Clock, Completion
from tests.contracts.chat_model import ask, read

pytestmark = [pytest.mark.model]

TOPICS = ("key", "pool", "bread", "train", "dog", "bill", "lamp", "roof")
MARK = "Repeat exactly: {word} {word} {word}"
# In a crowd the last bits of the logits differ, and with them a token now and then.
AGREEING = 0.75
ENDLESS = ask("Count from 1 to 1000, one number a line.", max_tokens=2000)


@pytest.fixture(scope="module")
async def model(small_model: Path, clock: Clock) -> AsyncIterator[LocalChatModel]:
    sizes = Sizes(sequences=6, cells=8192, prefix_bytes=64 * 2**20)
    model = LocalChatModel(small_model, "small", "", sizes=sizes, clock=clock, waiting=1000)
    await model.start()
    yield model
    await model.aclose()


def about(word: str, max_tokens: int = 12) -> Completion:
    return ask(MARK.format(word=word), max_tokens=max_tokens)


def count_agreed(left: Sequence[str], right: Sequence[str]) -> int:
    return sum(one == other for one, other in zip(left, right, strict=True))


async def test_the_same_prompt_gives_the_same_answer_alone_and_in_a_crowd(
    model: LocalChatModel,
) -> None:
    alone = [await read(model, about(word)) for word in TOPICS]
    together = await asyncio.gather(*(read(model, about(word)) for word in TOPICS))
    for word, text in zip(TOPICS, together, strict=True):
        assert set(text.lower().split()) == {word}
    assert count_agreed(alone, together) >= AGREEING * len(TOPICS)


async def test_nobody_gets_another_s_text_and_no_place_is_lost(model: LocalChatModel) -> None:
    rng = random.Random(7)
    expected = {word: await read(model, about(word)) for word in TOPICS}
    pairs: list[tuple[str, str]] = []
    schema = {"type": "object", "properties": {"n": {"type": "integer", "maximum": 9}}}

    async def visit(number: int) -> None:
        word = rng.choice(TOPICS)
        request = replace(about(word), lane=rng.choice(list(Lane)))
        kind = number % 10
        if kind == 0:  # goes away at some moment
            await asyncio.sleep(rng.random())
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(rng.random() / 5):
                    await read(model, ask(f"Count from {number} to 9999.", max_tokens=3000))
        elif kind == 1:
            assert await read(model, replace(request, schema=schema, max_tokens=40))
        elif kind == 2:  # another temperature, whose text nobody knows
            assert await read(model, replace(request, temperature=1.0, seed=number))
        else:
            text = await read(model, request)
            assert set(text.lower().split()) == {word}
            pairs.append((text, expected[word]))

    await asyncio.gather(*(visit(number) for number in range(120)))
    assert count_agreed(*zip(*pairs, strict=True)) >= AGREEING * len(pairs) > 0
    async with asyncio.timeout(20):
        assert all(await asyncio.gather(*(read(model, about(word)) for word in TOPICS)))


async def test_a_new_request_writes_beside_a_long_prompt(model: LocalChatModel) -> None:
    long = ask("The house by the sea has a garden and a gate. " * 250, max_tokens=4)
    async with aclosing(model.stream(ENDLESS)) as pieces:  # type: ignore[type-var] # a generator
        await anext(pieces)
        reading = asyncio.create_task(read(model, long))
        seen = 0
        while not reading.done():
            await anext(pieces)
            seen += 1
        assert await reading
    assert seen > 5


async def test_a_customer_comes_before_batch_work(model: LocalChatModel) -> None:
    ended: list[str] = []

    async def run(name: str, request: Completion) -> None:
        await read(model, request)
        ended.append(name)

    batch = [
        replace(ask(f"List {n}. " + "The wind blows. " * 100, max_tokens=8), lane=Lane.BATCH)
        for n in range(8)
    ]
    working = [asyncio.create_task(run("batch", request)) for request in batch]
    await asyncio.sleep(0.2)
    await run("chat", about("sail", max_tokens=4))
    assert ended.count("batch") <= 1
    await asyncio.gather(*working)
    assert len(ended) == 9


async def test_a_seed_gives_the_same_text_again(model: LocalChatModel) -> None:
    drawn = [replace(about("boat"), temperature=1.2, seed=seed) for seed in (1, 1, 2, 3)]
    first, again, *others = [await read(model, request) for request in drawn]
    assert again == first
    assert {first} != {first, *others}


async def test_what_was_computed_is_not_computed_again(model: LocalChatModel) -> None:
    request = ask("The bridge is long. " * 60 + "What is long?", max_tokens=4)
    await read(model, request)
    before = count_tokens(model)
    await read(model, request)
    after = count_tokens(model)
    assert after[0] - before[0] == after[1] - before[1] > 250


async def test_what_was_written_is_not_written_again(model: LocalChatModel) -> None:
    request = ask("The fence is green. " * 20 + "What is green?", max_tokens=20)
    text = await read(model, request)
    before = model.usage.repeated_tokens
    assert await read(model, request) == text
    repeated = model.usage.repeated_tokens - before
    assert repeated > 3
    assert text.startswith(await read(model, replace(request, max_tokens=3)))
    assert model.usage.repeated_tokens - before == repeated + 3
    assert await read(model, replace(request, max_tokens=3, stop=(text[:3],))) == ""
    after = model.usage.repeated_tokens
    await read(model, replace(request, temperature=1.0))
    await read(model, replace(request, audience="staff"))
    assert model.usage.repeated_tokens == after


def count_tokens(model: LocalChatModel) -> tuple[int, int]:
    return model.usage.prompt_tokens, model.usage.reused_tokens


async def test_one_audience_s_state_is_not_another_s(model: LocalChatModel) -> None:
    request = ask("The tower is tall. " * 60, max_tokens=4)
    await read(model, request)
    before = model.usage.reused_tokens
    await read(model, replace(request, audience="staff"))
    assert model.usage.reused_tokens - before < 60  # the instructions alone, of other staff


async def test_likelier_continuations_score_higher(model: LocalChatModel) -> None:
    request = ask("What is the capital of France? Answer with one word.")
    scores = await model.score(request, ["Paris", "Berlin", "Two bananas in the rain"])
    assert scores[0] > scores[1] > scores[2]
    assert scores[0] <= 0
    again = await model.score(request, ["Two bananas in the rain", "Paris"])
    assert again[1] == pytest.approx(scores[0], abs=0.05)
    many = await model.score(request, [f"Number {n} is Paris" for n in range(20)])
    alone = await model.score(request, ["Number 17 is Paris"])
    assert many[17] == pytest.approx(alone[0], abs=0.5)
    assert await model.score(request, []) == []
    with pytest.raises(ModelFailed, match="1 to 128 tokens"):
        await model.score(request, [""])


async def test_a_score_is_the_chance_of_writing_just_that(model: LocalChatModel) -> None:
    request = about("bread", max_tokens=6)
    told = await model.weigh(request)
    text = "".join(each.text for each in told)
    (score,) = await model.score(request, [text])
    assert score == pytest.approx(sum(each.log_probability for each in told), abs=0.3)


async def test_scoring_in_a_crowd_disturbs_nobody(model: LocalChatModel) -> None:
    scored: list[list[float]] = []

    async def score(topic: str) -> None:
        batch = replace(about(topic), lane=Lane.BATCH)
        scored.append(await model.score(batch, ["It is good.", "It is bad.", "Bananas"]))

    async with asyncio.TaskGroup() as group:
        for topic in ("milk", "wine", "tea"):
            group.create_task(score(topic))
        told = await read(model, about("cheese"))
    assert set(told.lower().split()) == {"cheese"}
    assert [len(scores) for scores in scored] == [3, 3, 3]
    assert all(score < 0 for scores in scored for score in scores)


async def test_a_customer_comes_before_scoring(model: LocalChatModel) -> None:
    batch = replace(ask("The pier is long. " * 200), lane=Lane.BATCH)
    scoring = asyncio.create_task(model.score(batch, ["Yes", "No"]))
    await asyncio.sleep(0.2)
    assert await read(model, about("bread", max_tokens=3))
    assert not scoring.done()
    assert len(await scoring) == 2


async def test_a_score_that_nobody_waits_for_frees_its_place(model: LocalChatModel) -> None:
    long = ask("The harbour is deep and the boats are old. " * 60)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await model.score(long, ["Yes", "No"])
    assert len(await model.score(about("bread"), ["Yes", "No"])) == 2


async def test_each_token_comes_with_how_likely_it_was(model: LocalChatModel) -> None:
    request = about("bread", max_tokens=6)
    text = await read(model, request)
    told = await model.weigh(request)
    assert "".join(each.text for each in told).startswith(text)
    assert all(each.log_probability <= 0 for each in told)
    assert sum(each.log_probability for each in told) > -2 * len(told)
    warm = await model.weigh(replace(request, temperature=5.0, seed=3))
    assert min(each.log_probability for each in warm) < min(each.log_probability for each in told)


async def test_what_is_scored_for_staff_is_not_kept_for_customers(model: LocalChatModel) -> None:
    request = ask("The harbour is deep. " * 60, max_tokens=1)
    await model.score(replace(request, audience="staff"), ["Yes"])
    before = model.usage.reused_tokens
    await read(model, request)
    assert model.usage.reused_tokens - before < 60


async def test_what_many_prompts_begin_with_outlives_the_process(
    small_model: Path, clock: Clock, tmp_path: Path
) -> None:
    sizes = Sizes(sequences=2, cells=4096, disk_bytes=2**26, folder=tmp_path)
    told = "The lighthouse is white. " * 40
    common = len(told)
    for questions in (("What is white?", "What is black?"), ("What is red?",)):
        model = LocalChatModel(small_model, "small", "", sizes=sizes, clock=clock)
        await model.start()
        try:
            before = model.usage.reused_tokens
            for question in questions:
                await read(model, replace(ask(told + question, max_tokens=4), common=common))
            reused = model.usage.reused_tokens - before
        finally:
            await model.aclose()
    assert reused > 150  # by a process that had been asked nothing else
    assert len(list_saved(tmp_path)) == 1


def list_saved(folder: Path) -> list[Path]:
    return list(folder.rglob("*.npz"))
