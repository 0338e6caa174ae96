"""Where the graph keeps its conversations between turns."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiosqlite
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

from agent.graph import build_serializer

BUSY_TIMEOUT_MS = 5_000


@asynccontextmanager
async def open_sqlite_checkpoints(path: str) -> AsyncIterator[BaseCheckpointSaver[str]]:
    """Open checkpoints in a SQLite file; what is written is on disk before the graph goes on."""
    async with aiosqlite.connect(path) as connection:
        # LangGraph's saver sets neither: without them two writers fail, and power cuts lose turns.
        await connection.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
        await connection.execute("PRAGMA synchronous=FULL")
        saver = AsyncSqliteSaver(connection, serde=build_serializer())
        await saver.setup()
        yield saver


@asynccontextmanager
async def open_postgres_checkpoints(url: str) -> AsyncIterator[BaseCheckpointSaver[str]]:
    """Open checkpoints in PostgreSQL; the tables are made at the first use."""
    async with AsyncPostgresSaver.from_conn_string(url, serde=build_serializer()) as saver:
        await saver.setup()
        yield saver


def make_memory_checkpoints() -> BaseCheckpointSaver[str]:
    """Return checkpoints that are gone with the process, for a single question."""
    return InMemorySaver(serde=build_serializer())
