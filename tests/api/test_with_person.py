"""A customer and a person in one conversation, over a real socket."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any

import anyio
import httpx2
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from agent.rewording import Manner
from agent.state import Outcome, Reason, Wish
from api.app import create_app
from api.assembly import Services
from tests.api.assistants import FakeAssistant
from tests.api.frames import Customer, read_frames
from tests.api.people import add_staff, be_seen
from tests.api.replies import SOURCE, make_reply

if TYPE_CHECKING:
    from api.handoffs import Desk

HANDED_OFF = make_reply("A person takes over.", Outcome.HANDED_OFF, Reason.ASKED_FOR_PERSON)


@pytest.fixture
def app(services: Services) -> FastAPI:
    return create_app(services.settings, services)


@pytest.fixture
async def online(
    app: FastAPI, serve: Callable[[FastAPI], AbstractAsyncContextManager[httpx2.AsyncClient]]
) -> AsyncIterator[httpx2.AsyncClient]:
    async with serve(app) as client:
        yield client


async def ask_for_person(online: httpx2.AsyncClient, assistant: FakeAssistant) -> None:
    usual, assistant.reply_with = assistant.reply_with, HANDED_OFF
    await online.post("messages", json={"text": "A person, please", "wish": "person"})
    assistant.reply_with = usual


async def read(online: httpx2.AsyncClient) -> dict[str, Any]:
    answer = await online.get(str(online.base_url).rstrip("/"))
    assert answer.status_code == 200
    view: dict[str, Any] = answer.json()
    return view


async def wait_prepared(services: Services, handoff_id: str) -> None:
    with anyio.fail_after(20):
        while services.suggestions.latest(handoff_id) is None:  # noqa: ASYNC110 - it is in SQL
            await anyio.sleep(0.02)


async def test_from_the_wish_to_the_end(
    online: httpx2.AsyncClient, app: FastAPI, services: Services, assistant: FakeAssistant
) -> None:
    desk: Desk = app.state.desk
    mia = add_staff(services.engine, "Mia")
    await online.post("messages", json={"text": "Where is my refund?"})
    await ask_for_person(online, assistant)
    assert assistant.wishes[-1] is Wish.PERSON
    view = await read(online)
    assert view["handoff"] == {
        "state": "waiting",
        "reason": "asked_for_person",
        "name": None,
        "attended": False,
        "emailed": False,
    }
    (handoff,) = services.handoffs.queue()
    await wait_prepared(services, handoff.id)
    assert services.handoffs.find(handoff.id).summary == "4 messages, about a refund."
    assert assistant.suggested[0][0] == "Where is my refund?"
    await desk.take(handoff.id, mia)
    await desk.send(handoff.id, mia, "Hi, this is Mia.", "m1", [SOURCE])
    said = await online.post("messages", json={"text": "It was $120"})
    (_, silent), (_, done) = read_frames(said.text)
    assert (silent["reason"], silent["text"]) == ("with_person", "")
    assert done["reply"]["sentences"] == []
    await desk.send(handoff.id, mia, "It was sent on Monday.", "m2")
    view = await read(online)
    assert (view["handoff"]["state"], view["handoff"]["name"]) == ("taken", "Mia")
    assert [m["text"] for m in view["messages"]] == ["Hi, this is Mia.", "It was sent on Monday."]
    assert view["messages"][0]["sources"] == [SOURCE.model_dump()]
    await desk.give_back(handoff.id, mia)
    assert list(assistant.resumed.values()) == [
        ("Hi, this is Mia.", ""),
        ("It was sent on Monday.", "It was $120"),
    ]
    again = await online.post("messages", json={"text": "Thanks! And how long does it take?"})
    assert read_frames(again.text)[-1][1]["reply"]["outcome"] == "answered"
    assert (await read(online))["handoff"] is None


async def test_what_happens_is_followed_live_and_from_where_one_left_off(
    online: httpx2.AsyncClient, app: FastAPI, services: Services, assistant: FakeAssistant
) -> None:
    desk: Desk = app.state.desk
    mia = add_staff(services.engine, "Mia")
    await ask_for_person(online, assistant)
    (handoff,) = services.handoffs.queue()
    await wait_prepared(services, handoff.id)
    latest = (await read(online))["latest"]
    seen: list[tuple[str, dict[str, Any]]] = []
    async with online.stream("GET", f"live?after={latest}") as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        await desk.take(handoff.id, mia)
        app.state.live.type(handoff.conversation_id, "person", "Mia")
        async for event, data in read_events(response):
            seen.append((event, data))
            if event == "typing":
                await desk.send(handoff.id, mia, "Hello!", "m1")
                await desk.close(handoff.id, mia)
            if event == "closed":
                break
    assert [event for event, _ in seen] == ["taken", "typing", "message", "closed"]
    assert seen[0][1] == {"handoff_id": handoff.id, "name": "Mia"}
    assert seen[1][1] == {"who": "person", "name": "Mia"}
    async with online.stream("GET", "live", headers={"Last-Event-ID": str(latest)}) as response:
        events = read_events(response)
        assert [(await anext(events))[0] for _ in range(3)] == ["taken", "message", "closed"]


async def read_events(response: httpx2.Response) -> AsyncIterator[tuple[str, dict[str, Any]]]:
    event = ""
    async for line in response.aiter_lines():
        if line.startswith("event: "):
            event = line.removeprefix("event: ")
        elif line.startswith("data: "):
            yield event, json.loads(line.removeprefix("data: "))


async def test_the_desk_sees_the_customer_typing(
    online: httpx2.AsyncClient, app: FastAPI, services: Services
) -> None:
    events = app.state.live.follow(None, services.happenings.latest())
    first = asyncio.create_task(anext(events))
    await anyio.sleep(0.05)
    assert (await online.post("typing")).status_code == 204
    with anyio.fail_after(10):
        typing = await first
    await events.aclose()
    assert typing.who == "customer"
    assert typing.conversation_id in str(online.base_url)


def test_an_address_is_left_where_nobody_is_there(
    client: TestClient, services: Services, assistant: FakeAssistant
) -> None:
    customer = Customer(client)
    refused = customer.post("/email", {"email": "kim@mail.example"})
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:frontdesk:handoff-ended")
    assistant.reply_with = HANDED_OFF
    customer.say("A person, please", wish="person")
    assert customer.post("/email", {"email": "kim"}).status_code == 422
    assert customer.post("/email", {"email": "kim@mail-house.com"}).status_code == 204
    be_seen(services.engine, add_staff(services.engine), services.ledger._now())
    handoff = customer.get("").json()["handoff"]
    assert (handoff["emailed"], handoff["attended"]) == (True, True)
    assert services.handoffs.queue()[0].email == "kim@mail-house.com"


async def test_a_message_for_the_agent_that_a_crash_kept_from_it_comes_at_the_end(
    online: httpx2.AsyncClient, app: FastAPI, services: Services, assistant: FakeAssistant
) -> None:
    mia = add_staff(services.engine, "Mia")
    await ask_for_person(online, assistant)
    (handoff,) = services.handoffs.queue()
    services.handoffs.take(handoff.id, mia)
    services.handoffs.send(handoff.id, mia, "Only stored.", "m1")
    await online.post("messages", json={"text": "Thank you, bye"})
    await app.state.desk.close(handoff.id, mia)
    assert list(assistant.resumed.values()) == [("Only stored.", ""), ("", "Thank you, bye")]


async def test_rewording_and_asking_the_articles(
    app: FastAPI, online: httpx2.AsyncClient, assistant: FakeAssistant
) -> None:
    assert online
    assert await app.state.desk.reword("Hello.", Manner.WARMER) == "Reworded."
    assert (await app.state.desk.ask("Refunds?")).sources == assistant.suggestion.sources
