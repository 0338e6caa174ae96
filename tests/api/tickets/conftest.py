"""A trained classifier, and a program that has a key."""

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from api.app import create_app
from api.assembly import Services
from tests.agent.triage.histories import train_into


@pytest.fixture
def version(services: Services) -> str:
    return train_into(services.settings.data)


@pytest.fixture
def keyed(services: Services) -> Iterator[TestClient]:
    _, key = services.api_keys.add("a program", "public")
    with TestClient(create_app(services.settings, services)) as client:
        client.headers["Authorization"] = f"Bearer {key}"
        yield client
