"""The protocol's own client, which starts the server itself."""

import sys
from pathlib import Path
from typing import Any

import pytest
from mcp import Client, StdioServerParameters

ROOT = Path(__file__).parents[3]
SCRIPT = ["-m", "tests.api.interop.pipe_script"]
COMMAND = ["-c", "from commands import main; main()", "mcp"]


def start(*arguments: str, **environment: str) -> StdioServerParameters:
    return StdioServerParameters(
        command=sys.executable, args=list(arguments), cwd=ROOT, env=environment
    )


@pytest.mark.parametrize("mode", ["legacy", "auto"])
async def test_tools_are_served_on_stdin_and_stdout(tmp_path: Path, mode: str) -> None:
    async with Client(start(*SCRIPT, str(tmp_path)), mode=mode) as client:
        assert {tool.name for tool in (await client.list_tools()).tools} == {
            "search", "fetch", "answer",
        }  # fmt: skip
        result = await client.call_tool("answer", {"question": "Where is my refund?"})
        said: Any = result.structured_content
        assert said["text"] == "Your refund arrives in 5 to 10 days."
        assert said["sentences"][0]["citations"] == ["refunds#1"]


async def test_the_command_says_what_is_missing_where_it_is_asked(tmp_path: Path) -> None:
    folders = {"FRONTDESK_DATA": str(tmp_path / "data"), "FRONTDESK_CACHE": str(tmp_path)}
    async with Client(start(*COMMAND, **folders)) as client:
        result = await client.call_tool("search", {"query": "refund"})
        said: Any = result.content[0]
        assert result.is_error
        assert "frontdesk models pull" in said.text
