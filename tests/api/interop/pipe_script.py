"""Serve the tools on stdin and stdout, with an assistant that answers what it is told."""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio

from api.assembly import Services
from api.interop.pipe import serve_pipe
from api.settings import Settings
from api.storage.articles import read_utc
from api.storage.database import migrate, open_database
from api.storage.ledger import Ledger
from tests.api.assistants import FakeAssistant, make_services, make_settings
from tests.api.conftest import make_ids


@asynccontextmanager
async def open_fakes(settings: Settings) -> AsyncIterator[Services]:
    sys.stdout.write("a library that writes where the protocol is\n")
    engine = open_database(settings.database)
    migrate(engine)
    ledger = Ledger(engine, read_utc, make_ids())
    yield make_services(engine, ledger, FakeAssistant(), settings)
    engine.dispose()


if __name__ == "__main__":
    anyio.run(serve_pipe, make_settings(Path(sys.argv[1])), "public", open_fakes)
