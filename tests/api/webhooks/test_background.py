"""Webhooks in the running service: from what a customer does to a receiver that checks it."""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine
from standardwebhooks import Webhook as Verifier

from agent.state import Outcome, Reason
from api.app import create_app
from api.assembly import Services, make_id
from api.storage.articles import read_utc
from api.storage.database import migrate
from api.storage.deliveries import Deliveries
from api.storage.ledger import Ledger
from api.storage.outbox import KINDS, TRIAGED
from tests.api.assistants import FakeAssistant, make_services, make_settings
from tests.api.frames import Customer
from tests.api.people import add_staff
from tests.api.replies import make_reply
from tests.api.webhooks.documentation import read_examples
from tests.api.webhooks.offices import Clock, Office
from tests.api.webhooks.receivers import Receiver, hang, receive

WAIT_S = 20


# Ends with a code of its own when anything is looked up or connected.
WATCHED = """
import os, sys
import anyio
from sqlalchemy import func, select
from api.storage.database import migrate, open_database
from api.storage.desk_tables import outbox
from tests.api.webhooks.offices import Office

def watch(event, args):
    if event in {"socket.connect", "socket.getaddrinfo", "socket.gethostbyname"}:
        os._exit(77)

async def main():
    engine = open_database(f"sqlite:///{sys.argv[1]}")
    migrate(engine)
    office = Office(engine)
    sys.addaudithook(watch)
    office.announce()
    async with office.work() as dispatcher:
        for _ in range(3):
            dispatcher.wake()
            await anyio.sleep(0.05)
    with engine.connect() as connection:
        told = connection.scalar(select(func.count()).select_from(outbox))
    print(told, "in the outbox,", office.deliveries.count_pending(), "pending")

anyio.run(main)
"""


@pytest.fixture
def services(
    open_empty: Callable[[str], Engine], assistant: FakeAssistant, tmp_path: Path
) -> Services:
    engine = open_empty("sqlite")
    migrate(engine)
    ledger = Ledger(engine, read_utc, make_id)  # receivers check times by the real clock
    return make_services(engine, ledger, assistant, make_settings(tmp_path))


@pytest.fixture
def outside(services: Services) -> Office:
    return Office(services.engine, Clock(read_utc()))


def wait_for(condition: Callable[[], object]) -> None:
    until = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.01)


def read_checked(receiver: Receiver, secret: str) -> dict[str, dict[str, Any]]:
    told = [Verifier(secret).verify(one.body, one.headers) for one in receiver.received]
    return {one["type"]: one["data"] for one in told}


def test_what_a_customer_and_a_person_do_is_told_as_the_docs_show_it(
    client: TestClient, services: Services, assistant: FakeAssistant, outside: Office
) -> None:
    with receive() as receiver:
        webhook = outside.add(receiver.url)
        customer = Customer(client)
        turn_id = customer.say("When does my refund arrive?").headers["turn-id"]
        rating = {"helpful": False, "comment": "I asked about PayPal."}
        customer.post(f"/turns/{turn_id}/rating", rating)
        wait_for(lambda: len(receiver.ids) == 1)
        reason = Reason.ASKED_FOR_PERSON
        assistant.reply_with = make_reply("A person helps.", Outcome.HANDED_OFF, reason)
        customer.say("A person, please")
        wait_for(lambda: len(receiver.ids) == 2)
        handoff = services.handoffs.current(customer.conversation_id)
        assert handoff
        mia = add_staff(services.engine)
        services.handoffs.take(handoff.id, mia)
        services.handoffs.close(handoff.id, mia)  # as another replica's desk does: nobody wakes us
        wait_for(lambda: len(receiver.ids) == 3)
        told = read_checked(receiver, webhook.secret)
        wait_for(lambda: outside.deliveries.count_pending() == 0)
    assert set(told) == set(KINDS) - {TRIAGED}
    for kind, data in told.items():
        assert set(data) | {"summary"} == set(read_examples()[kind]["data"]) | {"summary"}
    assert told["reply.rated"] == {
        "conversation_id": customer.conversation_id,
        "turn_id": turn_id,
        **rating,
    }
    assert told["conversation.resolved"]["resolved_by"] == "person"
    assert "person, please" not in json.dumps(told)
    wait_for(lambda: 'kind="reply.rated",result="sent"} 1.0' in client.get("/metrics").text)
    wait_for(lambda: "webhook_messages_pending 0.0" in client.get("/metrics").text)


def test_a_stop_does_not_wait_for_a_receiver_that_hangs(
    services: Services, outside: Office
) -> None:
    with receive(hang) as receiver:
        outside.add(receiver.url)
        with TestClient(create_app(services.settings, services)):
            outside.announce()
            wait_for(lambda: receiver.ids)
            began = time.monotonic()
        assert not receiver.released.is_set()
    assert time.monotonic() - began < WAIT_S
    (errand,) = Deliveries(services.engine, read_utc).claim({})
    assert (errand.message_id, errand.attempt) == (receiver.ids[0], 1)


def test_without_a_webhook_nothing_is_looked_up_or_connected(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", WATCHED, str(tmp_path / "frontdesk.sqlite")],
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "1 in the outbox, 0 pending\n"), done.stderr
