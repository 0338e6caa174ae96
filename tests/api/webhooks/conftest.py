from collections.abc import Callable

import pytest
from sqlalchemy import Engine

from api.storage.database import migrate
from tests.api.webhooks.offices import Office


@pytest.fixture
def office(open_empty: Callable[[str], Engine]) -> Office:
    engine = open_empty("sqlite")
    migrate(engine)
    return Office(engine)


@pytest.fixture
def each_office(database: Engine) -> Office:
    return Office(database)
