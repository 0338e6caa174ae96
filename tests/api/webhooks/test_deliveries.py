"""Deliveries in storage: nothing is lost, and no two senders have the same at once."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from agent.state import Outcome, Reason
from api.assembly import make_id
from api.storage.database import open_database, read_from
from api.storage.deliveries import LEASE, Deliveries
from api.storage.desk_tables import outbox
from api.storage.handoffs import Handoffs
from api.storage.ledger import Ledger
from api.storage.outbox import HANDED_OFF, RESOLVED
from api.storage.suggestions import Suggestions
from api.storage.webhooks import WebhookThere, WebhookUnknown
from tests.api.people import add_staff
from tests.api.replies import make_reply
from tests.api.webhooks.offices import Office, wait_until
from tests.api.webhooks.receivers import receive

ROOT = Path(__file__).parents[3]
URL = "https://hooks.larkstay.example/frontdesk"
MESSAGES = 40


@contextmanager
def open_beside(office: Office) -> Iterator[Office]:
    """Give what another replica has: a connection of its own to the same database."""
    engine = open_database(office.engine.url.render_as_string(hide_password=False))
    yield Office(engine, office.clock)
    engine.dispose()


async def test_two_senders_at_once_never_double(each_office: Office) -> None:
    with receive() as receiver, open_beside(each_office) as beside:
        each_office.add(receiver.url)
        for number in range(MESSAGES):
            each_office.announce(str(number))
        async with each_office.work(), beside.work():
            await wait_until(lambda: each_office.deliveries.count_pending() == 0)
    assert len(receiver.ids) == len(set(receiver.ids)) == MESSAGES
    assert {one.attempts for one in each_office.list()} == {1}


def test_what_many_claim_at_once_is_claimed_once(each_office: Office) -> None:
    each_office.add(URL)
    for number in range(MESSAGES):
        each_office.announce(str(number))
    with ThreadPoolExecutor(8) as pool:
        rounds = pool.map(lambda _: each_office.deliveries.claim({}), range(2 * MESSAGES))
        claimed = [errand.message_id for found in rounds for errand in found]
    while found := each_office.deliveries.claim({}):  # some rounds found all that is due locked
        claimed += [errand.message_id for errand in found]
    assert len(claimed) == len(set(claimed)) == MESSAGES


def test_a_lease_runs_out_and_a_latecomer_changes_nothing_but_success(each_office: Office) -> None:
    each_office.add(URL)
    each_office.announce()
    deliveries, clock = each_office.deliveries, each_office.clock
    (late,) = deliveries.claim({})
    assert deliveries.claim({}) == []
    clock.move(LEASE)
    (errand,) = deliveries.claim({})
    assert (late.attempt, errand.attempt) == (1, 2)
    deliveries.put_off(late, 500, "answered 500", None)
    deliveries.release(late)
    assert (each_office.only().attempts, each_office.only().failed_at) == (2, None)
    deliveries.succeed(late, 200)
    deliveries.put_off(errand, None, "no answer", clock() + LEASE)
    assert each_office.only().delivered_at == clock()
    clock.move(2 * LEASE)
    assert deliveries.claim({}) == []


def test_a_webhook_that_is_full_or_disabled_gets_nothing(each_office: Office) -> None:
    webhook = each_office.add(URL)
    for number in range(6):
        each_office.announce(str(number))
    deliveries = each_office.deliveries
    assert deliveries.claim({webhook.id: 4}) == []
    assert len(deliveries.claim({webhook.id: 1})) == 3
    each_office.webhooks.disable(webhook.id)
    each_office.announce("while disabled")
    assert deliveries.claim({}) == []
    assert deliveries.count_pending() == 0
    each_office.webhooks.enable(webhook.id)
    assert deliveries.count_pending() == 6
    assert len(deliveries.claim({})) == 3
    assert webhook.secret not in repr(webhook) + repr(deliveries.claim({}))


def test_webhooks_hear_of_what_they_asked_for_and_only_from_then_on(each_office: Office) -> None:
    each_office.announce("before")
    all_kinds = each_office.add(URL)
    each_office.clock.move(LEASE)
    resolved = each_office.add(URL + "/2", [RESOLVED])
    each_office.announce("rated")
    each_office.announce("resolved", RESOLVED)
    told = {(errand.webhook_id, errand.kind) for errand in each_office.deliveries.claim({})}
    assert told == {
        (all_kinds.id, "reply.rated"),
        (all_kinds.id, RESOLVED),
        (resolved.id, RESOLVED),
    }
    assert [one.id for one in each_office.webhooks.everything()] == [all_kinds.id, resolved.id]
    with pytest.raises(WebhookThere, match=all_kinds.id):
        each_office.add(URL)
    with pytest.raises(WebhookUnknown, match="frontdesk webhook list"):
        each_office.webhooks.disable("nobody")


def test_the_summary_goes_along_once_there_is_one(each_office: Office) -> None:
    engine, clock = each_office.engine, each_office.clock
    each_office.add(URL, [HANDED_OFF, RESOLVED])
    ledger, handoffs = Ledger(engine, clock, make_id), Handoffs(engine, clock, make_id)
    turn = ledger.begin_turn(ledger.start_conversation("public").id, "A person, please")
    reply = make_reply("A person helps.", Outcome.HANDED_OFF, Reason.ASKED_FOR_PERSON)
    ledger.finish_turn(turn.id, reply)
    (before,) = each_office.deliveries.claim({})
    handoff = handoffs.current(turn.conversation_id)
    assert handoff
    assert before.payload == {
        "conversation_id": turn.conversation_id,
        "handoff_id": handoff.id,
        "reason": "asked_for_person",
        "language": "en",
    }
    Suggestions(engine, clock, make_id).keep(handoff.id, turn.id, None, "About a refund.")
    mia = add_staff(engine)
    handoffs.take(handoff.id, mia)
    handoffs.close(handoff.id, mia)
    clock.move(LEASE)
    claimed = {errand.kind: errand for errand in each_office.deliveries.claim({})}
    handed_off, resolved = claimed[HANDED_OFF], claimed[RESOLVED]
    assert handed_off.payload == {**before.payload, "summary": "About a refund."}
    assert resolved.payload["resolved_by"] == "person"


def test_what_arrived_is_removed_after_30_days_and_what_did_not_stays(each_office: Office) -> None:
    deliveries, clock = each_office.deliveries, each_office.clock
    each_office.announce("for nobody")
    each_office.add(URL)
    for key in ("arrives", "fails", "waits"):
        each_office.announce(key)
    arrives, fails, _ = deliveries.claim({})
    deliveries.succeed(arrives, 204)
    deliveries.put_off(fails, 500, "answered 500", None)
    clock.move(timedelta(days=30))
    assert (deliveries.clear(), count_outbox(each_office)) == (0, 4)
    clock.move(timedelta(seconds=1))
    assert (deliveries.clear(), count_outbox(each_office)) == (1, 2)
    assert arrives.message_id not in [one.message_id for one in each_office.list()]


def count_outbox(office: Office) -> int:
    with read_from(office.engine) as connection:
        return connection.scalar(select(func.count()).select_from(outbox)) or 0


async def test_what_was_sent_by_a_process_that_died_is_sent_again_under_the_same_id(
    each_office: Office,
) -> None:
    with receive() as receiver:
        each_office.add(receiver.url)
        each_office.announce()
        died = die_between_sending_and_noting(each_office)
        assert died.returncode == -signal.SIGKILL, died.stderr
        assert died.stdout == f"{receiver.ids[0]} 204\n"
        assert Deliveries(each_office.engine, each_office.clock).claim({}) == []
        each_office.clock.move(LEASE)
        async with each_office.work():
            await wait_until(lambda: each_office.only().delivered_at)
    first, second = receiver.received
    assert first.id == second.id == each_office.only().message_id
    assert first.body == second.body


def die_between_sending_and_noting(office: Office) -> "subprocess.CompletedProcess[str]":
    url = office.engine.url.render_as_string(hide_password=False)
    module = "tests.api.webhooks.killed_sender"
    return subprocess.run(
        [sys.executable, "-m", module, url, office.clock().isoformat()],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
