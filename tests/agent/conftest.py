"""Checkpoints of each kind that needs no server."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from agent.checkpoints import make_memory_checkpoints, open_sqlite_checkpoints


@pytest.fixture(params=["memory", "sqlite"])
async def checkpoints(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Any]:
    if request.param == "memory":
        yield make_memory_checkpoints()
        return
    async with open_sqlite_checkpoints(str(tmp_path / "checkpoints.sqlite")) as saver:
        yield saver
