"""The real model on the demo company's articles, asked by other programs' clients."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from openai import AsyncOpenAI

from tests.commands.conftest import CACHE, ROOT, Run

QUESTION = "I cancelled yesterday, when does my money come back to my card?"

pytestmark = pytest.mark.model


def find_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@pytest.fixture
def address(demo: Path) -> Iterator[str]:
    if not (CACHE / "models/qwen2.5-coder-1.5b-instruct-q4_k_m.gguf").exists():
        pytest.skip("the model is not in the cache: `frontdesk models pull`")
    port = find_port()
    command = [sys.executable, "-c", "from commands import main; main()", "serve"]
    environment = {"FRONTDESK_DATA": str(demo), "FRONTDESK_CACHE": str(CACHE)}
    serving = subprocess.Popen(
        [*command, "--port", str(port)], cwd=ROOT, env=os.environ | environment
    )
    try:
        wait_ready(f"http://127.0.0.1:{port}")
        yield f"http://127.0.0.1:{port}"
    finally:
        serving.terminate()
        serving.wait(30)


def wait_ready(address: str) -> None:
    until = time.monotonic() + 200
    while time.monotonic() < until:
        with suppress(httpx2.ConnectError):
            if httpx2.get(f"{address}/readyz").status_code == 200:
                return
        time.sleep(0.2)
    pytest.fail("the service did not get ready")


async def test_programs_are_answered_with_citations(
    address: str, demo: Path, frontdesk: Run
) -> None:
    key = frontdesk("key", "add", "tests", data=demo).stdout.strip()
    async with AsyncOpenAI(base_url=f"{address}/v1", api_key=key) as client:
        made = await client.chat.completions.create(
            model="frontdesk", messages=[{"role": "user", "content": QUESTION}]
        )
        extension: Any = made.model_extra
        message = made.choices[0].message
        assert extension["frontdesk"]["outcome"] == "answered"
        assert message.content
        assert message.annotations
        assert made.usage
        assert 0 < made.usage.completion_tokens < made.usage.prompt_tokens + 160
        stream = await client.chat.completions.create(
            model="frontdesk", messages=[{"role": "user", "content": QUESTION}], stream=True
        )
        pieces = [chunk.choices[0].delta.content or "" async for chunk in stream]
        assert "".join(pieces) == message.content
    headers = {"Authorization": f"Bearer {key}"}
    async with (
        httpx2.AsyncClient(headers=headers, timeout=120) as http,
        Client(streamable_http_client(f"{address}/mcp", http_client=http)) as tools,
    ):
        found: Any = (await tools.call_tool("search", {"query": QUESTION})).structured_content
        first = found["results"][0]
        whole: Any = (await tools.call_tool("fetch", {"id": first["id"]})).structured_content
        assert whole["id"] == first["article_id"]
        asked = {"question": QUESTION}
        said: Any = (await tools.call_tool("answer", asked)).structured_content
        assert said["text"] == message.content
