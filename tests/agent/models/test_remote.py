import asyncio
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
    quiet = asyncio.subprocess.DEVNULL
    server = await asyncio.create_subprocess_exec(
        sys.executable, *command, *options, stdout=quiet, stderr=quiet
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
    transport = httpx2.MockTransport(
        lambda _: httpx2.Response(status, text=body, headers=headers or {})
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


async def test_the_server_says_when_to_come_back() -> None:
    with pytest.raises(ModelBusy) as busy:
        await read(answering(429, headers={"Retry-After": "17"}), ask("Hello"))
    assert busy.value.retry_after_s == 17


async def test_an_answer_that_breaks_off_fails() -> None:
    piece = 'data: {"choices": [{"delta": {"content": "Hel"}}]}\n\n'
    with pytest.raises(ModelFailed, match="broke off"):
        await read(answering(200, piece), ask("Hello"))


async def test_thoughts_are_never_shown() -> None:
    piece = 'data: {"choices": [{"delta": {"content": "<think>Hm.</think>\\n\\nYes."}}]}\n\n'
    assert await read(answering(200, piece + "data: [DONE]\n\n"), ask("Hello")) == "Yes."


async def test_a_server_that_is_not_there_fails_the_request(client: httpx2.AsyncClient) -> None:
    with pytest.raises(ModelFailed, match="did not answer"):
        await read(RemoteChatModel("http://127.0.0.1:9", "some", "", client), ask("Hello"))
