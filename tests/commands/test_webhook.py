"""`frontdesk webhook`, as its operator walks through it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks import Webhook as Verifier
from typer.testing import CliRunner, Result

from api.assembly import make_id
from api.storage.articles import read_utc
from api.storage.database import Engine, open_database, write_to
from api.storage.deliveries import Deliveries
from api.storage.outbox import KINDS, RATED, put
from commands.app import app
from tests.api.webhooks.receivers import receive, say

Command = Callable[..., Result]


@pytest.fixture
def webhook(tmp_path: Path) -> Command:
    def run(name: str, *arguments: str) -> Result:
        return CliRunner().invoke(app, ["webhook", name, *arguments, "--data", str(tmp_path)])

    return run


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    return open_database(f"sqlite:///{tmp_path / 'frontdesk.sqlite'}")


def read(result: Result) -> Any:  # noqa: ANN401 - whatever was printed
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_add_list_test_disable(webhook: Command) -> None:
    assert "nobody outside is told" in webhook("list").stdout
    with receive(say(204), say(500)) as receiver:
        added = read(webhook("add", receiver.url, "--kinds", "reply.rated", "--json"))
        assert added["secret"].startswith("whsec_")
        listed = webhook("list", "--json")
        assert added["secret"] not in listed.output
        shown = {"id": added["id"], "url": receiver.url, "kinds": [RATED], "state": "active"}
        assert read(listed) == [shown]
        assert "accepted: 204" in webhook("test", added["id"]).stdout
        refused = webhook("test", added["id"], "--json")
        (message, _) = receiver.received
        told = Verifier(added["secret"]).verify(message.body, message.headers)
    assert told["type"] == "webhook.test"
    assert refused.exit_code == 1
    assert json.loads(refused.stdout) == {
        "status": 500,
        "error": "answered 500",
        "accepted": False,
    }
    assert "not accepted: answered 500" in refused.stderr
    assert webhook("disable", added["id"]).exit_code == 0
    assert read(webhook("list", "--json"))[0]["state"] == "disabled"
    assert "disabled" in webhook("list").stdout
    again = webhook("add", receiver.url)
    assert again.exit_code == 1
    assert f"frontdesk webhook enable {added['id']}" in again.stderr
    assert "told of reply.rated" in webhook("enable", added["id"]).stdout


def test_what_failed_is_listed_and_sent_again(webhook: Command, engine: Engine) -> None:
    assert "Nothing has been sent" in webhook("deliveries").stdout
    plain = webhook("add", "https://hooks.larkstay.example/x")
    assert plain.stdout.count("whsec_") == 1
    assert all(kind in plain.stdout for kind in KINDS)
    with write_to(engine) as connection:
        put(connection, RATED, "rated:1", {"turn_id": "1"}, read_utc(), make_id)
    deliveries = Deliveries(engine, read_utc)
    (errand,) = deliveries.claim({})
    assert "Nothing has failed" in webhook("deliveries", "--failed").stdout
    deliveries.put_off(errand, None, "no connection", None)
    (failed,) = read(webhook("deliveries", "--failed", "--json"))
    assert failed["id"] == errand.message_id
    assert (failed["state"], failed["attempts"], failed["error"]) == ("failed", 1, "no connection")
    assert "Due now: 1." in webhook("retry", errand.message_id).stdout
    assert read(webhook("deliveries", "--json"))[0]["state"] == "pending"
    (errand,) = deliveries.claim({})
    deliveries.succeed(errand, 200)
    shown = webhook("deliveries").stdout
    assert "delivered" in shown
    assert errand.message_id in shown  # in one piece, to be copied
    assert webhook("retry", errand.message_id).exit_code == 1
    engine.dispose()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["add", "http://larkstay.example/"], "FRONTDESK_WEBHOOK_HTTP=true"),
        (["add", "https://larkstay.example/", "--kinds", "reply.sent"], "no kind reply.sent"),
        (["add", "https://larkstay.example/", "--kinds", ","], "Name a kind"),
        (["disable", "nobody"], "frontdesk webhook list"),
        (["test", "nobody"], "frontdesk webhook list"),
    ],
)
def test_what_is_wrong_says_what_to_do(webhook: Command, arguments: list[str], says: str) -> None:
    result = webhook(*arguments)
    assert result.exit_code in {1, 2}
    assert says in result.stderr
