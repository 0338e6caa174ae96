"""Databases, fakes and clients for the tests of the HTTP side."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, ExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import anyio
import httpx2
import psycopg
import pytest
import uvicorn
from fastapi import FastAPI
from fastapi.testclient import TestClient
from psycopg import sql
from sqlalchemy import Engine

from api.app import create_app
from api.assembly import Services
from api.server import Server
from api.storage.database import migrate, open_database
from api.storage.ledger import Ledger
from tests.api.assistants import FakeAssistant, make_services, make_settings

POSTGRES = "postgresql://postgres@127.0.0.1:5432/postgres"


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    name = f"frontdesk_{uuid.uuid4().hex}"
    try:
        server = psycopg.connect(POSTGRES, autocommit=True, connect_timeout=3)
    except psycopg.OperationalError:
        pytest.skip("no PostgreSQL at 127.0.0.1:5432 that trusts the user postgres")
    with server:
        server.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        yield POSTGRES.removesuffix("postgres") + name
        server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture
def open_empty(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[str], Engine]]:
    with ExitStack() as stack:

        def open_one(kind: str) -> Engine:
            if kind == "sqlite":
                engine = open_database(f"sqlite:///{tmp_path / 'frontdesk.sqlite'}")
            else:
                engine = open_database(request.getfixturevalue("postgres_url"))
                with engine.begin() as connection:
                    connection.exec_driver_sql("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
            stack.callback(engine.dispose)
            return engine

        yield open_one


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_database(request: pytest.FixtureRequest, open_empty: Callable[[str], Engine]) -> Engine:
    return open_empty(request.param)


@pytest.fixture
def database(empty_database: Engine) -> Engine:
    migrate(empty_database)
    return empty_database


def make_clock() -> Callable[[], datetime]:
    seconds = count()
    start = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
    return lambda: start + timedelta(seconds=next(seconds))


def make_ids() -> Callable[[], str]:
    numbers = count(1)
    return lambda: f"id-{next(numbers)}"


@pytest.fixture
def ledger(database: Engine) -> Ledger:
    return Ledger(database, make_clock(), make_ids())


@pytest.fixture
def assistant() -> FakeAssistant:
    return FakeAssistant()


@pytest.fixture
def services(
    open_empty: Callable[[str], Engine], assistant: FakeAssistant, tmp_path: Path
) -> Services:
    engine = open_empty("sqlite")
    migrate(engine)
    ledger = Ledger(engine, make_clock(), make_ids())
    return make_services(engine, ledger, assistant, make_settings(tmp_path))


@pytest.fixture
def client(services: Services) -> Iterator[TestClient]:
    with TestClient(create_app(services.settings, services)) as opened:
        yield opened


@asynccontextmanager
async def serve_on_socket(app: FastAPI) -> AsyncIterator[httpx2.AsyncClient]:
    """Serve on a real socket; the client has begun a conversation, and stands in its path."""
    config = uvicorn.Config(app, port=0, log_config=None, timeout_graceful_shutdown=2)
    server = Server(config)
    serving = asyncio.create_task(server._serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
        await anyio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=20) as client:
        started = (await client.post("/v1/conversations")).json()
        client.headers["Authorization"] = f"Bearer {started['token']}"
        client.base_url = client.base_url.join(f"/v1/conversations/{started['conversation_id']}/")
        yield client
    server.should_exit = True
    await serving


@pytest.fixture
def serve() -> Callable[[FastAPI], AbstractAsyncContextManager[httpx2.AsyncClient]]:
    return serve_on_socket


@pytest.fixture
async def online(services: Services) -> AsyncIterator[httpx2.AsyncClient]:
    async with serve_on_socket(create_app(services.settings, services)) as client:
        yield client


@pytest.fixture
def ledger_broken(services: Services) -> Ledger:
    tables = "suggestions messages handoffs happenings ratings replies turns conversations"
    with services.engine.begin() as connection:
        for table in tables.split():
            connection.exec_driver_sql(f"DROP TABLE {table}")
    return services.ledger
