"""Opening the database, its transactions, and its migrations."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import stamina
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import URL, make_url

__all__ = [
    "DatabaseUnsupportedError",
    "Engine",
    "migrate",
    "open_database",
    "read_from",
    "write_to",
]

BUSY_TIMEOUT_MS = 5000
# Any number will do, as long as every version of Frontdesk takes the same.
MIGRATION_LOCK = 7_273_001


class DatabaseUnsupportedError(Exception):
    """The URL is of a database that Frontdesk does not know; use sqlite:/// or postgresql://."""


def open_database(url: str) -> Engine:
    """Return an engine for an SQLite or PostgreSQL URL; nothing is connected yet.

    SQLite's folder is made if it is missing. Raises DatabaseUnsupportedError.
    """
    parsed = make_url(url)
    backend = parsed.get_backend_name()
    if backend == "sqlite":
        return _open_sqlite(parsed)
    if backend in {"postgresql", "postgres"}:
        return create_engine(parsed.set(drivername="postgresql+psycopg"), pool_pre_ping=True)
    raise DatabaseUnsupportedError(
        f"{backend}:// is not supported; use sqlite:///file or postgresql://user@host/name."
    )


@contextmanager
def write_to(engine: Engine) -> Iterator[Connection]:
    """Give a transaction that commits at the end, or rolls back if something is raised."""
    with engine.connect() as connection:
        connection.execution_options(frontdesk_write=True)
        with connection.begin():
            yield connection


@contextmanager
def read_from(engine: Engine) -> Iterator[Connection]:
    """Give a transaction in which every query sees the same state of the database."""
    with engine.connect() as connection:
        if engine.dialect.name == "postgresql":
            connection.execution_options(isolation_level="REPEATABLE READ")
        with connection.begin():
            yield connection


def migrate(engine: Engine) -> None:
    """Bring the tables to the newest revision; safe when several processes start at once."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    with write_to(engine) as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text(f"SELECT pg_advisory_xact_lock({MIGRATION_LOCK})"))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def _open_sqlite(url: URL) -> Engine:
    if url.database and url.database != ":memory:":
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(url)
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: object) -> None:  # noqa: ANN401 - the DBAPI's own type
    # The driver would begin transactions only before the first write; `_begin_sqlite` does it.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
    # Where several processes begin a new file, changing its mode fails at once, whatever the
    # busy timeout.
    for attempt in stamina.retry_context(
        sqlite3.OperationalError, attempts=None, timeout=BUSY_TIMEOUT_MS / 1000
    ):
        with attempt:
            cursor.execute("PRAGMA journal_mode=WAL")
    for pragma in ("synchronous=FULL", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    # A transaction that reads first and writes later fails at once, whatever the busy timeout,
    # if another has written in between. So writers take the lock at their beginning.
    write = connection.get_execution_options().get("frontdesk_write")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")
