from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, inspect, text

from api.storage import desk_tables
from api.storage.database import (
    DatabaseUnsupportedError,
    migrate,
    open_database,
    read_from,
)

METADATA = desk_tables.handoffs.metadata


def test_the_migrations_make_the_tables_that_the_code_expects(database: Engine) -> None:
    with database.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, METADATA) == []


def test_constraints_have_the_names_that_the_code_gives_them(database: Engine) -> None:
    seen = inspect(database)
    for table in METADATA.tables.values():
        wanted = {c.name for c in table.constraints if type(c).__name__ == "CheckConstraint"}
        assert {c["name"] for c in seen.get_check_constraints(table.name)} == wanted


def test_processes_that_start_together_migrate_once(empty_database: Engine) -> None:
    url = empty_database.url.render_as_string(hide_password=False)
    with ThreadPoolExecutor(4) as pool:
        for _ in pool.map(lambda _: _migrate(url), range(4)):
            pass
    with read_from(empty_database) as connection:
        assert connection.scalar(text("SELECT count(*) FROM generations")) == 1


def _migrate(url: str) -> None:
    engine = open_database(url)
    migrate(engine)
    engine.dispose()


def test_sqlite_is_durable_and_patient(tmp_path: Path) -> None:
    engine = open_database(f"sqlite:///{tmp_path / 'new' / 'folder' / 'f.sqlite'}")
    with engine.connect() as connection:
        seen = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "busy_timeout", "foreign_keys")
        }
    engine.dispose()
    assert seen == {
        "journal_mode": "wal",
        "synchronous": 2,
        "busy_timeout": 5000,
        "foreign_keys": 1,
    }


def test_another_database_is_refused_by_name() -> None:
    with pytest.raises(DatabaseUnsupportedError, match="mysql"):
        open_database("mysql://somewhere/db")
