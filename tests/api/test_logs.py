import json
import logging
from collections.abc import Iterator
from io import StringIO

import pytest
import structlog
from fastapi.testclient import TestClient

from agent.errors import ModelFailed
from api.logs import set_up_logs
from api.storage.ledger import Ledger
from tests.api.assistants import SECRET, FakeAssistant
from tests.api.frames import Customer

WORD = "xyzzyplugh"


@pytest.fixture
def logs() -> Iterator[StringIO]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    for handler in handlers:  # so that setting up does not close pytest's own
        root.removeHandler(handler)
    stream = StringIO()
    set_up_logs("debug", stream)
    yield stream
    structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(level)


def test_no_route_logs_what_customers_say_or_hold(
    logs: StringIO,
    client: TestClient,
    assistant: FakeAssistant,
) -> None:
    customer = Customer(client)
    turn_id = customer.say(WORD, message_id=WORD).headers["turn-id"]
    customer.say(WORD + "2", message_id=WORD)
    customer.post("/messages", {"text": [WORD], WORD: WORD})
    customer.post(f"/turns/{turn_id}/rating", {"helpful": True, "comment": WORD})
    customer.post(f"/turns/{WORD}/rating", {"helpful": True})
    for error in (ModelFailed(WORD), ValueError(WORD)):
        assistant.error = error
        customer.say(WORD)
    client.get(f"/{WORD}?q={WORD}", headers={"Authorization": f"Bearer {WORD}"})
    token = customer.headers["Authorization"].removeprefix("Bearer ")
    written = logs.getvalue()
    assert written.count('"event": "request"') >= 8
    assert WORD not in written
    assert token not in written
    assert SECRET not in written


def test_an_error_in_the_ledger_is_logged_without_its_values(
    logs: StringIO, client: TestClient, ledger_broken: Ledger
) -> None:
    assert ledger_broken
    assert client.post("/v1/conversations").status_code == 500
    lines = [json.loads(line) for line in logs.getvalue().splitlines()]
    unexpected = next(line for line in lines if line["event"] == "unexpected_error")
    assert unexpected["error"] == "OperationalError"
    assert unexpected["at"]
