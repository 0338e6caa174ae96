import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from http import HTTPStatus
from pathlib import Path

import httpx2
import pytest

from agent.errors import FrontdeskError, ModelBusy, ModelFailed, ModelUnusable
from agent.models.remote import RemoteChatModel
from agent.ports import Completion
from tests.contracts.chat_model import ChatModelContract, ask, read

PATIENCE_S = 90


def find_free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def wait_until_up(client: httpx2.AsyncClient, url: str) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while True:
            try:
                await client.get(f"{url}/v1/models")
            except httpx2.TransportError:
                await asyncio.sleep(0.1)
            else:
                return


@pytest.fixture(scope="module")
async def client() -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(trust_env=False) as client:
        yield client


@pytest.fixture(scope="module")
async def server_url(small_model: Path, client: httpx2.AsyncClient) -> AsyncIterator[str]:
    port = find_free_port()
    command = ["-m", "llama_cpp.server", "--model", str(small_model), "--port", str(port)]
    options = ["--n_ctx", "4096", "--n_threads", "2", "--chat_format", "chatml"]
    tuned = ["--n_threads_batch", "2", "--flash_attn", "true"]
    quiet = asyncio.subprocess.DEVNULL
    server = await asyncio.create_subprocess_exec(
        sys.executable, *command, *options, *tuned, stdout=quiet, stderr=quiet
    )
    url = f"http://127.0.0.1:{port}"
    await wait_until_up(client, url)
    yield url
    os.kill(server.pid, signal.SIGKILL)
    await server.wait()


@pytest.mark.model
class TestRemoteChatModel(ChatModelContract):
    @pytest.fixture
    def model(self, server_url: str, client: httpx2.AsyncClient) -> RemoteChatModel:
        return RemoteChatModel(server_url, "small", "", client)


def answering(
    status: int, body: str = "", headers: dict[str, str] | None = None
) -> RemoteChatModel:
    """Return a model whose server always answers the same."""
    stream = {"Content-Type": "text/event-stream"}
    transport = httpx2.MockTransport(
        lambda _: httpx2.Response(status, content=body.encode(), headers=stream | (headers or {}))
    )
    client = httpx2.AsyncClient(transport=transport)
    return RemoteChatModel("http://model/v1", "some", "key", client)


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (HTTPStatus.TOO_MANY_REQUESTS, ModelBusy),
        (HTTPStatus.SERVICE_UNAVAILABLE, ModelBusy),
        (HTTPStatus.UNAUTHORIZED, ModelUnusable),
        (HTTPStatus.FORBIDDEN, ModelUnusable),
        (HTTPStatus.NOT_FOUND, ModelUnusable),
        (HTTPStatus.INTERNAL_SERVER_ERROR, ModelFailed),
        (HTTPStatus.BAD_REQUEST, ModelFailed),
    ],
)
async def test_a_status_becomes_an_error_of_ours(
    status: HTTPStatus, error: type[FrontdeskError]
) -> None:
    with pytest.raises(error):
        await read(answering(status), ask("Hello"))


NOW, SOON = "Wed, 21 Oct 2026 07:28:00 GMT", "Wed, 21 Oct 2026 07:28:17 GMT"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "17"}, 17),
        ({"Retry-After": SOON, "Date": NOW}, 17),
        ({"Retry-After": NOW, "Date": SOON}, 0),
        ({"Retry-After": "soon"}, 5),
        ({}, 5),
    ],
)
async def test_the_server_says_when_to_come_back(headers: dict[str, str], seconds: float) -> None:
    with pytest.raises(ModelBusy) as busy:
        await read(answering(429, headers=headers), ask("Hello"))
    assert busy.value.retry_after_s == seconds


def event(text: str, reason: str | None = None) -> str:
    choice = {"delta": {"content": text}, "finish_reason": reason}
    return f"data: {json.dumps({'choices': [choice]}, ensure_ascii=False)}\n\n"


END = "data: [DONE]\n\n"


async def test_an_answer_that_breaks_off_fails() -> None:
    with pytest.raises(ModelFailed, match="broke off"):
        await read(answering(200, event("Hel")), ask("Hello"))


async def test_an_answer_may_end_without_the_last_event() -> None:
    assert await read(answering(200, event("Hello", "stop")), ask("Hello")) == "Hello"


async def test_thoughts_are_never_shown() -> None:
    assert await read(answering(200, event("<think>Hm.</think>\n\nYes.") + END), ask("?")) == "Yes."


async def test_line_separators_in_a_text_are_no_ends_of_lines() -> None:
    text = "one\u2028two\x85three"
    assert await read(answering(200, event(text) + END), ask("?")) == text


async def test_an_answer_cut_short_does_not_pass_for_json() -> None:
    with pytest.raises(ModelFailed, match="not filled within"):
        await read(answering(200, event('{"a', "length") + END), ask("?", schema={}))


NONSENSE = ("data: nothing", "data: 3", 'data: {"error": "full"}', 'data: {"choices": 3}')


@pytest.mark.parametrize("line", NONSENSE)
async def test_events_that_make_no_sense_fail(line: str) -> None:
    with pytest.raises(ModelFailed):
        await read(answering(200, f"{line}\n\n"), ask("?"))


async def test_an_answer_that_is_no_stream_of_events_fails() -> None:
    page = answering(200, "<html>", {"Content-Type": "text/html"})
    with pytest.raises(ModelFailed, match="text/html"):
        await read(page, ask("?"))


async def test_an_address_that_is_none_is_unusable(client: httpx2.AsyncClient) -> None:
    for url in ("localhost:8000", "http://[::1"):
        with pytest.raises(ModelUnusable, match="FRONTDESK_MODEL_URL"):
            await read(RemoteChatModel(url, "some", "", client), ask("Hello"))


async def test_the_deadline_holds_for_the_whole_answer() -> None:
    async def drip() -> AsyncIterator[bytes]:
        while True:
            yield event("drop ").encode()
            await asyncio.sleep(0.02)

    headers = {"Content-Type": "text/event-stream"}
    transport = httpx2.MockTransport(
        lambda _: httpx2.Response(200, content=drip(), headers=headers)
    )
    async with httpx2.AsyncClient(transport=transport) as client:
        model = RemoteChatModel("http://model", "some", "", client)
        with pytest.raises(ModelFailed, match="in time"):
            await read(model, Completion(ask("?").messages, 8, deadline_s=0.2))


async def test_a_server_that_is_not_there_fails_the_request(client: httpx2.AsyncClient) -> None:
    with pytest.raises(ModelFailed, match="did not answer"):
        await read(RemoteChatModel("http://127.0.0.1:9", "some", "", client), ask("Hello"))
