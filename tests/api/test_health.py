from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import httpx2
import pytest
from anyio import Event as Signal
from fastapi import FastAPI
from fastapi.testclient import TestClient

from agent.errors import ModelUnusable
from agent.ports import Usage
from api.app import create_app
from api.assembly import Notify, Services
from api.metrics import Metrics
from api.settings import Settings
from tests.api.assistants import FakeAssistant
from tests.api.frames import Customer
from tests.fakes.chat_model import FakeChatModel

MESSAGES = "/v1/conversations/{conversation_id}/messages"


@asynccontextmanager
async def open_client(app: FastAPI) -> AsyncIterator[httpx2.AsyncClient]:
    transport = httpx2.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=transport, base_url="http://frontdesk") as client,
    ):
        yield client


async def ask_until(client: httpx2.AsyncClient, status: int) -> dict[str, Any]:
    with anyio.fail_after(20):
        while (response := await client.get("/readyz")).status_code != status:  # noqa: ASYNC110 - it is asked as a client asks
            await anyio.sleep(0.01)
    body: dict[str, Any] = response.json()
    return body


async def test_it_listens_at_once_and_is_ready_later(services: Services) -> None:
    migrated, loaded = Signal(), Signal()

    @asynccontextmanager
    async def open_slowly(_: Settings, notify: Notify) -> AsyncIterator[Services]:
        notify("migrations")
        notify("index")
        migrated.set()
        await loaded.wait()
        yield services

    async with open_client(create_app(services.settings, opener=open_slowly)) as client:
        await migrated.wait()
        assert (await client.get("/healthz")).json() == {"status": "ok"}
        ready = await client.get("/readyz")
        assert ready.status_code == 503
        assert ready.json() == {
            "ready": False,
            "checks": {"migrations": "ready", "index": "ready", "model": "starting"},
        }
        refused = await client.post("/v1/conversations")
        assert refused.status_code == 503
        assert refused.headers["retry-after"] == "3"
        assert refused.json()["type"] == "urn:frontdesk:not-ready"
        loaded.set()
        assert (await ask_until(client, 200))["ready"]
        assert (await client.post("/v1/conversations")).status_code == 201


async def test_a_service_that_cannot_start_says_what_is_wrong(services: Services) -> None:
    failed = Signal()

    @asynccontextmanager
    async def open_in_vain(_: Settings, notify: Notify) -> AsyncIterator[Services]:
        notify("migrations")
        notify("index")
        failed.set()
        raise ModelUnusable("model.gguf is missing; run `frontdesk models pull`.")
        yield services

    async with open_client(create_app(services.settings, opener=open_in_vain)) as client:
        await failed.wait()
        checks = (await client.get("/readyz")).json()["checks"]
        assert checks["model"] == "failed: model.gguf is missing; run `frontdesk models pull`."
        assert (await client.post("/v1/conversations")).status_code == 503


async def test_a_restart_finishes_what_was_left(
    services: Services, assistant: FakeAssistant
) -> None:
    ledger = services.ledger
    left = [ledger.begin_turn(ledger.start_conversation("public").id, "Hi") for _ in range(2)]
    app = create_app(services.settings, services)
    async with open_client(app):
        with anyio.fail_after(20):
            while ledger.pending_turns():  # noqa: ASYNC110 - the ledger is what counts
                await anyio.sleep(0.01)
    assert assistant.asked == [turn.id for turn in left]
    assert all(ledger.turn(turn.conversation_id, turn.id).reply for turn in left)


def test_a_ready_service_names_its_checks(client: TestClient) -> None:
    response = client.get("/readyz")
    assert response.status_code == 200
    assert response.json()["checks"] == dict.fromkeys(("migrations", "index", "model"), "ready")


def test_metrics_count_turns_and_requests_by_template(
    client: TestClient, assistant: FakeAssistant
) -> None:
    customer = Customer(client)
    customer.say("Hi")
    assistant.error = RuntimeError("boom")
    customer.say("Hi again")
    client.get("/nowhere/at/all")
    text = client.get("/metrics").text
    for line in (
        'frontdesk_turns_total{outcome="answered",reason="supported"} 1.0',
        'frontdesk_model_failures_total{kind="RuntimeError"} 1.0',
        "frontdesk_turns_in_flight 0.0",
        "frontdesk_first_sentence_seconds_count 1.0",
        f'frontdesk_http_requests_total{{method="POST",route="{MESSAGES}",status="200"}} 2.0',
        'frontdesk_http_requests_total{method="GET",route="unmatched",status="404"} 1.0',
    ):
        assert line in text
    assert customer.conversation_id not in text


class CountingModel(FakeChatModel):
    usage = Usage(requests=2, prompt_tokens=900, reused_tokens=600, repeated_tokens=7)


def test_metrics_show_what_the_model_did_not_have_to_compute_again() -> None:
    metrics = Metrics()
    metrics.watch_model(CountingModel())
    metrics.watch_model(FakeChatModel())  # counts nothing, and is left out
    text = metrics.render().decode()
    assert "frontdesk_model_prompt_tokens_total 900.0" in text
    assert "frontdesk_model_reused_tokens_total 600.0" in text
    assert "frontdesk_model_repeated_tokens_total 7.0" in text


@pytest.mark.parametrize("path", ["/docs", "/redoc"])
def test_pages_that_load_from_other_hosts_are_off(client: TestClient, path: str) -> None:
    assert client.get(path).status_code == 404
