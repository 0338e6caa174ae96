import asyncio
import os
import resource
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path

import pytest

from agent.errors import ModelBusy, ModelFailed, ModelUnusable
from agent.lanes import Lane
from agent.models.local import LocalChatModel
from agent.models.memory import Sizes
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
    assert model._supervisor._child
    return model._supervisor._child.pid


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


def limit_memory(child: int) -> None:
    """Let a process have as good as no more memory than it has."""
    pages = int(Path(f"/proc/{child}/statm").read_text().split()[0])
    most = pages * resource.getpagesize() + 2**22
    resource.prlimit(child, resource.RLIMIT_AS, (most, most))


async def test_a_child_that_runs_out_of_memory_is_replaced(model: LocalChatModel) -> None:
    child = child_of(model)
    limit_memory(child)
    words = " ".join(f"Shelf {n} holds {n % 7} boxes." for n in range(200))
    assert await read(model, ask(f"{words} Say yes."))
    assert child_of(model) != child


async def test_a_long_prompt_can_be_called_off(model: LocalChatModel) -> None:
    child = child_of(model)
    reading = asyncio.create_task(read(model, ask("The house has a garden. " * 400, max_tokens=8)))
    await asyncio.sleep(0.3)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert await read(model, ask("Say yes."))
    assert child_of(model) == child


async def test_a_full_queue_says_when_to_come_back(small_model: Path, clock: Clock) -> None:
    narrow = Sizes(sequences=1, cells=4096, prefix_bytes=0)
    model = LocalChatModel(small_model, "small", "", sizes=narrow, clock=clock, waiting=2)
    async with aclosing(model.stream(ENDLESS)) as pieces:  # type: ignore[type-var] # a generator
        await anext(pieces)
        waiting = [asyncio.create_task(read(model, ask("Say yes."))) for _ in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(ModelBusy) as busy:
            await read(model, ask("Say no."))
        assert busy.value.retry_after_s >= 1
    assert all(await asyncio.gather(*waiting))
    await model.aclose()


async def test_batch_work_never_stands_in_a_customer_s_way(small_model: Path, clock: Clock) -> None:
    sizes = Sizes(sequences=4, cells=4096, prefix_bytes=0)
    model = LocalChatModel(small_model, "small", "", sizes=sizes, clock=clock, waiting=0)
    batch = replace(ENDLESS, lane=Lane.BATCH)
    works = [asyncio.create_task(read(model, batch)) for _ in range(sizes.sequences)]
    await asyncio.sleep(0)
    with pytest.raises(ModelBusy):
        await read(model, batch)
    assert await read(model, ask("Say yes."))
    for work in works:
        work.cancel()
    await asyncio.wait(works)
    await model.aclose()


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


def write_nonsense(path: Path, _real: Path) -> None:
    path.write_bytes(b"GGUF" + b"\xff" * 5000)


def write_half(path: Path, real: Path) -> None:
    with real.open("rb") as whole:
        path.write_bytes(whole.read(10**7))


async def skip_pause(_seconds: float) -> None:
    pass


@pytest.mark.parametrize(
    ("write", "reason"),
    [(write_nonsense, "gguf_init_from_reader"), (write_half, "corrupted or incomplete")],
)
async def test_a_corrupt_file_is_unusable_and_says_why(
    tmp_path: Path,
    small_model: Path,
    clock: Clock,
    write: Callable[[Path, Path], None],
    reason: str,
) -> None:
    path = tmp_path / "broken.gguf"
    write(path, small_model)
    model = LocalChatModel(path, "broken", "", clock=clock, sleep=skip_pause)
    with pytest.raises(ModelUnusable, match=r"broken\.gguf could not be started") as told:
        await model.start()
    assert reason in str(told.value)
    assert "Traceback" not in str(told.value)
    await model.aclose()


class HandClock:
    now = 0.0

    def monotonic(self) -> float:
        return self.now


async def test_starts_that_fail_are_paused_and_then_given_up_for_a_while(tmp_path: Path) -> None:
    path = tmp_path / "broken.gguf"
    path.write_bytes(b"nothing")
    clock, pauses = HandClock(), list[float]()

    async def pause(seconds: float) -> None:
        pauses.append(seconds)

    model = LocalChatModel(path, "broken", "", clock=clock, sleep=pause)
    for _ in range(2):
        with pytest.raises(ModelUnusable):
            await read(model, ask("Hello"))
    assert pauses == [0, 0, 0.5]
    clock.now = 100
    with pytest.raises(ModelUnusable):
        await read(model, ask("Hello"))
    assert pauses == [0, 0, 0.5, 1, 2, 4]


async def test_a_deadline_that_passes_while_it_loads_fails_that_request_only(
    small_model: Path, clock: Clock
) -> None:
    model = LocalChatModel(small_model, "small", "", clock=clock)
    with pytest.raises(ModelFailed, match="get ready in time"):
        await read(model, Completion(ENDLESS.messages, 8, deadline_s=0.05))
    assert await read(model, ask("Say yes."))
    await model.aclose()


async def test_a_model_closed_while_it_loads_leaves_no_process(
    small_model: Path, clock: Clock
) -> None:
    before = list_children()
    model = LocalChatModel(small_model, "small", "", clock=clock)
    starting = asyncio.create_task(model.start())
    await asyncio.sleep(0.3)
    await model.aclose()
    with pytest.raises(ModelFailed, match="shut down"):
        await starting
    assert list_children() == before


def list_children() -> list[str]:
    here = os.getpid()
    return Path(f"/proc/{here}/task/{here}/children").read_text().split()


PARENT = """
import asyncio, sys, time
from pathlib import Path
from agent.models.local import LocalChatModel

async def main():
    model = LocalChatModel(Path(sys.argv[1]), "small", "", clock=time)
    await model.start()
    print(model._supervisor._child.pid, flush=True)
    await asyncio.sleep(100)

asyncio.run(main())
"""


async def test_a_child_dies_with_its_parent(small_model: Path) -> None:
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PARENT, str(small_model), stdout=asyncio.subprocess.PIPE
    )
    assert parent.stdout
    child = int(await parent.stdout.readline())
    assert is_running(child)
    parent.kill()
    await parent.wait()
    await wait_until_gone(child)


async def wait_until_gone(process: int) -> None:
    async with asyncio.timeout(10):
        while is_running(process):  # noqa: ASYNC110 - the kernel sets no event of ours
            await asyncio.sleep(0.05)


def is_running(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


async def test_closing_at_the_very_end_keeps_the_child(model: LocalChatModel) -> None:
    child = child_of(model)
    request = ask("Say yes.", max_tokens=4)
    count = len([piece async for piece in model.stream(request)])
    for _ in range(3):
        async with aclosing(model.stream(request)) as pieces:  # type: ignore[type-var] # a generator
            for _ in range(count):
                await anext(pieces)
            await asyncio.sleep(0.05)
    assert await read(model, request)
    assert child_of(model) == child


async def test_tokens_are_counted_beside_a_running_answer(model: LocalChatModel) -> None:
    async with aclosing(model.stream(ENDLESS)) as pieces:  # type: ignore[type-var] # a generator
        await anext(pieces)
        assert await model.count_tokens(ENDLESS.messages) > 10
        assert await anext(pieces)


async def test_an_answer_too_short_for_its_schema_fails(model: LocalChatModel) -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string", "minLength": 60}}}
    with pytest.raises(ModelFailed, match="not filled within 5 tokens"):
        await read(model, ask("Fill it.", max_tokens=5, schema=schema))


async def test_a_schema_that_is_none_fails_one_request_only(model: LocalChatModel) -> None:
    with pytest.raises(ModelFailed):
        await read(model, ask("Hello", schema={"type": "spoon"}))
    assert await read(model, ask("Say yes."))


async def test_a_missing_file_is_unusable(tmp_path: Path, clock: Clock) -> None:
    with pytest.raises(ModelUnusable, match="frontdesk models pull"):
        await LocalChatModel(tmp_path / "none.gguf", "none", "", clock=clock).start()


async def test_too_little_memory_is_said_before_loading(small_model: Path, clock: Clock) -> None:
    model = LocalChatModel(small_model, "small", "", clock=clock, available_memory=lambda: 10**8)
    with pytest.raises(ModelUnusable, match=r"needs about 1\.7 GB .* only 0\.1 GB"):
        await model.start()
