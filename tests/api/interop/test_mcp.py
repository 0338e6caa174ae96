"""The protocol's own client against the service, over both transports."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import anyio
import httpx2
import pytest
from anyio import Event as Signal
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.types import CallToolResult

from agent.errors import ModelBusy
from agent.state import Message
from api.assembly import Services
from tests.api.interop.conftest import NotingAssistant
from tests.fakes.search import FakeSearch

Connect = Callable[..., AbstractAsyncContextManager[Client]]
PING = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
ACCEPT = {"Accept": "application/json, text/event-stream"}


@pytest.fixture(params=["legacy", "auto"])
def connect(address: str, request: pytest.FixtureRequest) -> Connect:
    @asynccontextmanager
    async def open_client(key: str) -> AsyncIterator[Client]:
        headers = {"Authorization": f"Bearer {key}"}
        async with httpx2.AsyncClient(headers=headers, timeout=20) as http:
            transport = streamable_http_client(f"{address}/mcp", http_client=http)
            async with Client(transport, mode=request.param) as client:
                yield client

    return open_client


def read(result: CallToolResult) -> dict[str, Any]:
    assert not result.is_error, result.content
    content: Any = result.content[0]
    assert json.loads(content.text) == result.structured_content
    found: dict[str, Any] = result.structured_content
    return found


def read_error(result: CallToolResult) -> str:
    content: Any = result.content[0]
    assert result.is_error
    return str(content.text)


async def test_tools_are_announced_and_keep_their_schemas(connect: Connect, key: str) -> None:
    async with connect(key) as client:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        assert set(tools) == {"search", "fetch", "answer"}
        for name, arguments in (
            ("search", {"query": "refund"}),
            ("fetch", {"id": "refunds"}),
            ("answer", {"question": "Where is my refund?"}),
        ):
            found = read(await client.call_tool(name, arguments))
            assert set((tools[name].output_schema or {})["required"]) <= set(found)


async def test_passages_are_those_of_the_keys_audience_and_instruct_nobody(
    connect: Connect, key: str, staff_key: str
) -> None:
    async with connect(key) as client:
        found = read(await client.call_tool("search", {"query": "refund", "limit": 2}))["results"]
        assert [passage["id"] for passage in found] == ["refunds#0"]
        assert found[0]["text"] == "Refunds take 5 days."
        assert found[0]["url"] == "urn:frontdesk:article:refunds"
        whole = read(await client.call_tool("fetch", {"id": found[0]["id"]}))
        assert (whole["id"], whole["title"]) == ("refunds", "When refunds arrive")
        for unreadable in ("goodwill", "goodwill#0", "nothing"):
            error = read_error(await client.call_tool("fetch", {"id": unreadable}))
            assert "`search` gives the ids" in error
    async with connect(staff_key) as client:
        found = read(await client.call_tool("search", {"query": "refund"}))["results"]
        assert [passage["audience"] for passage in found] == ["public", "staff"]
        assert read(await client.call_tool("fetch", {"id": "goodwill"}))["audience"] == "staff"


async def test_an_answer_comes_with_its_citations_and_is_forgotten(
    connect: Connect, staff_key: str, assistant: NotingAssistant
) -> None:
    history = [{"role": "customer", "text": "I cancelled."}]
    async with connect(staff_key) as client:
        given = {"question": "Where is my refund?", "history": history}
        said = read(await client.call_tool("answer", given))
    assert (said["outcome"], said["reason"]) == ("answered", "supported")
    assert said["sentences"][0]["citations"] == [said["sources"][0]["id"]]
    passed = assistant.passed[0]
    assert (passed.question, passed.audience) == ("Where is my refund?", "staff")
    assert passed.history == [Message(role="customer", text="I cancelled.")]
    assert assistant.forgotten == assistant.asked


async def test_a_tool_that_fails_says_what_to_do(
    connect: Connect, key: str, assistant: NotingAssistant
) -> None:
    async with connect(key) as client:
        for name, arguments, message in (
            ("search", {}, "query: Field required"),
            ("search", {"query": "x", "limit": 1000}, "limit: Input should be less"),
            ("answer", {"question": " "}, "The question is empty."),
        ):
            assert message in read_error(await client.call_tool(name, arguments))
        for error, message in (
            (ModelBusy(3), "try again in 3 s"),
            (RuntimeError("secret"), "has been logged"),
        ):
            assistant.error = error
            said = read_error(await client.call_tool("answer", {"question": "Hi"}))
            assert message in said
            assert "secret" not in said


async def test_who_stops_waiting_frees_the_model(
    connect: Connect, key: str, assistant: NotingAssistant
) -> None:
    assistant.gate = Signal()
    async with connect(key) as client:
        with anyio.move_on_after(0.5):
            await client.call_tool("answer", {"question": "Hi"})
    with anyio.fail_after(10):
        await assistant.left.wait()
    assert assistant.forgotten == assistant.asked


async def test_strange_hosts_and_origins_are_refused(address: str, key: str) -> None:
    headers = {**ACCEPT, "Authorization": f"Bearer {key}"}
    async with httpx2.AsyncClient(base_url=address, headers=headers) as client:
        assert (await client.post("/mcp", json=PING)).status_code == 200
        for strange, status in (
            ({"Host": "evil.example"}, 421),
            ({"Origin": "https://evil.example"}, 403),
            ({"Authorization": "Bearer fdk_wrong"}, 401),
        ):
            assert (await client.post("/mcp", json=PING, headers=strange)).status_code == status
        too_much = {**PING, "params": {"x": "y" * 100_000}}
        assert (await client.post("/mcp", json=too_much)).status_code == 413
        assert (await client.get("/mcp")).status_code == 405


async def test_own_names_are_set(services: Services) -> None:
    from api.interop.exchange import list_own_names  # noqa: PLC0415 - as the route does

    settings = services.settings.model_copy(
        update={"interop_hosts": "help.example.com, ", "host": "0.0.0.0"}
    )
    names = list_own_names(settings)
    assert "help.example.com:*" in names.allowed_hosts
    assert "https://help.example.com" in names.allowed_origins
    assert not {"0.0.0.0", "", ":*"} & set(names.allowed_hosts)
    assert isinstance(services.knowledge_base, FakeSearch)


WRONG: list[object] = [
    {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": {"x": "my words"}}},
    {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": ["my words"]},
    {"jsonrpc": "2.0", "method": "my words", "params": {"x": "my words"}},
    {"id": "my words"},
    ["my words"],
    "my words",
]


@pytest.mark.parametrize("version", ["2025-06-18", "2026-07-28"])
async def test_malformed_messages_are_refused_and_stay_out_of_the_log(
    address: str,
    key: str,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
    version: str,
) -> None:
    headers = {**ACCEPT, "Authorization": f"Bearer {key}", "MCP-Protocol-Version": version}
    async with httpx2.AsyncClient(base_url=address, headers=headers) as client:
        for wrong in WRONG:
            assert (await client.post("/mcp", json=wrong)).status_code < 500
    assert "my words" not in caplog.text + "".join(capsys.readouterr())
