"""Another model in the place of the one at work, over HTTP."""

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from agent.models.catalogue import by_role
from agent.models.fleet import Fleet
from agent.models.local import LocalChatModel
from agent.models.memory import Sizes
from agent.ports import ChatMessage, Completion
from api.app import create_app
from api.assembly import Services
from api.settings import read_settings
from api.succession import succeed

SMALL = by_role("small")


def add_key(services: Services, audience: str) -> dict[str, str]:
    _, key = services.api_keys.add(f"for {audience}", audience)
    return {"Authorization": f"Bearer {key}"}


@pytest.fixture
def client(services: Services) -> Iterator[TestClient]:
    with TestClient(create_app(services.settings, services)) as opened:
        yield opened


def test_the_model_at_work_is_told(client: TestClient, services: Services) -> None:
    told = client.get("/v1/model", headers=add_key(services, "public"))
    assert told.json() == {"name": services.model.name, "sha256": services.model.sha256}


def test_a_customer_s_key_changes_no_model(client: TestClient, services: Services) -> None:
    key = add_key(services, "public")
    refused = client.put("/v1/model", json={"name": SMALL.name}, headers=key)
    assert refused.status_code == 401
    assert "--audience staff" in refused.json()["detail"]


def test_a_model_at_another_server_is_changed_there(client: TestClient, services: Services) -> None:
    refused = client.put("/v1/model", json={"name": SMALL.name}, headers=add_key(services, "staff"))
    assert refused.status_code == 409
    assert refused.json()["type"] == "urn:frontdesk:model-refused"
    assert "FRONTDESK_MODEL_URL" in refused.json()["detail"]


@pytest.fixture
def idle(services: Services, small_model: Path) -> Services:
    return replace(services, model=Fleet(LocalChatModel(small_model, "idle", "", clock=time)))


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("no-such-model", "The catalogue has"),
        ("all-MiniLM-L6-v2", "finds passages"),
        ("qwen2.5-coder-1.5b-instruct", "frontdesk models pull"),
    ],
)
def test_a_model_that_cannot_answer_is_refused_with_the_reason(
    idle: Services, tmp_path: Path, name: str, why: str
) -> None:
    settings = idle.settings.model_copy(update={"cache": tmp_path})
    services = replace(idle, settings=settings)
    with TestClient(create_app(settings, services)) as client:
        refused = client.put("/v1/model", json={"name": name}, headers=add_key(services, "staff"))
    assert refused.status_code == 409
    assert why in refused.json()["detail"]
    assert services.model.name == "idle"


@pytest.mark.model
async def test_another_model_answers_and_what_the_first_began_is_finished(
    small_model: Path, tmp_path: Path
) -> None:
    settings = read_settings(data=tmp_path).model_copy(update={"prefix_mib": 16})
    sizes = Sizes(sequences=2, cells=4096, prefix_bytes=2**24)
    first = LocalChatModel(small_model, "first", "another file", sizes=sizes, clock=time)
    await first.start()
    fleet = Fleet(first)
    message: ChatMessage = {"role": "user", "content": "Count from 1 to 20."}
    begun = fleet.stream(Completion((message,), 48))
    try:
        text = await anext(begun)
        await succeed(settings, fleet, SMALL.name)
        assert "20" in text + "".join([piece async for piece in begun])
        assert fleet.name == SMALL.name
        assert fleet.ready
        assert fleet.usage.requests == 2  # the answer, and its successor's warm-up
    finally:
        await fleet.aclose()


async def test_the_model_that_answers_already_is_not_started_again(tmp_path: Path) -> None:
    nowhere = read_settings(data=tmp_path, cache=tmp_path)
    answering = LocalChatModel(tmp_path / "gone", "it", SMALL.sha256, clock=time)
    fleet = Fleet(answering)
    await succeed(nowhere, fleet, SMALL.name)
    assert fleet.name == "it"
