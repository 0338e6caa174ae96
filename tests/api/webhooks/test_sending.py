"""Sending to real receivers on loopback: what they get, and what happens when they misbehave."""

import json
from datetime import timedelta

import pytest
from standardwebhooks import Webhook as Verifier

from api.storage.outbox import RATED
from api.webhooks.schedule import PAUSES
from tests.api.webhooks.offices import PATIENCE_S, Office, wait_until
from tests.api.webhooks.receivers import (
    Answer,
    die,
    die_after_status,
    hang,
    receive,
    say,
    talk_endlessly,
)

DAY = timedelta(days=1)
SOON_S = 0.2


async def test_a_message_arrives_once_with_its_id_time_and_signature(office: Office) -> None:
    with receive(say(200, set_cookie="a=b")) as receiver:
        webhook = office.add(receiver.url)
        office.add(receiver.url + "/other", ["conversation.resolved"])
        office.announce("1")
        office.announce("1")
        async with office.work() as dispatcher:
            await wait_until(lambda: office.only().delivered_at)
            office.announce("2")
            dispatcher.wake()
            await wait_until(lambda: office.deliveries.count_pending() == 0)
        first, second = receiver.received
    told = json.loads(first.body)
    assert told == {
        "type": "reply.rated",
        "timestamp": "2026-11-23T12:00:00+00:00",
        "data": {"turn_id": "1", "helpful": True, "comment": "Danke – schön"},
    }
    headers = first.headers
    assert headers["webhook-timestamp"] == str(int(office.clock().timestamp()))
    signed = Verifier(webhook.secret).sign(first.id, office.clock(), first.body.decode())
    assert headers["webhook-signature"] == signed
    assert (headers["content-type"], first.path) == ("application/json", "/hooks")
    assert first.id != second.id
    assert "cookie" not in second.headers


@pytest.mark.parametrize(
    ("misbehave", "status", "error"),
    [
        (say(500), 500, "answered 500"),
        (say(302, location="/elsewhere"), 302, "redirects are not followed"),
        (die, None, "the connection broke"),
        (hang, None, "no answer"),
    ],
    ids=["fails", "redirects", "dies", "answers late"],
)
async def test_what_fails_is_tried_again_under_the_same_id(
    office: Office, misbehave: Answer, status: int | None, error: str
) -> None:
    with receive(misbehave, misbehave, say(200)) as receiver:
        office.add(receiver.url)
        office.announce()
        async with office.work(in_all_s=SOON_S if misbehave is hang else PATIENCE_S) as dispatcher:
            tried = await office.settle(1)
            assert (tried.status, tried.delivered_at) == (status, None)
            assert error in str(tried.error)
            assert tried.next_at == office.clock() + 1.1 * PAUSES[0]
            office.clock.move(1.1 * PAUSES[0])
            dispatcher.wake()
            tried = await office.settle(2)
            assert tried.next_at == office.clock() + 1.1 * PAUSES[1]
        office.clock.move(1.1 * PAUSES[1])
        async with office.work():
            tried = await office.settle(3)
        assert (tried.delivered_at, tried.error) == (office.clock(), None)
        assert len(receiver.ids) == 3
        assert len(set(receiver.ids)) == 1
        assert len({one.body for one in receiver.received}) == 1
        assert len({one.headers["webhook-timestamp"] for one in receiver.received}) == 3
        assert {one.path for one in receiver.received} == {"/hooks"}


async def test_a_receiver_that_is_not_there_gets_it_later(office: Office) -> None:
    with receive() as receiver:
        url = receiver.url
    office.add(url)
    office.announce()
    async with office.work():
        await wait_until(lambda: office.only().error)
    assert office.only().error == "no connection"


@pytest.mark.parametrize("end", [die_after_status, talk_endlessly])
async def test_what_comes_after_the_status_is_all_one(office: Office, end: Answer) -> None:
    with receive(end) as receiver:
        office.add(receiver.url)
        office.announce()
        async with office.work():
            await wait_until(lambda: office.only().delivered_at)
    assert len(receiver.ids) == 1


async def test_a_receiver_that_hangs_keeps_nobody_else_waiting(office: Office) -> None:
    with receive(hang) as hanging, receive() as well:
        office.add(hanging.url)
        office.add(well.url)
        for number in range(30):
            office.announce(str(number))
        async with office.work():
            await wait_until(lambda: len(well.ids) == 30)
            assert len(hanging.ids) == 4
            hanging.released.set()
            await wait_until(lambda: office.deliveries.count_pending() == 0)
    assert len(set(hanging.ids)) == 30


async def test_after_the_last_try_it_failed_and_can_be_sent_again(office: Office) -> None:
    with receive(*[say(503)] * 10, say(200)) as receiver:
        webhook = office.add(receiver.url)
        office.announce()
        async with office.work() as dispatcher:
            for attempts, pause in enumerate(PAUSES, 1):
                await office.settle(attempts)
                office.clock.move(1.1 * pause)
                dispatcher.wake()
            failed = await office.settle(10)
            assert (failed.attempts, failed.next_at, failed.status) == (10, None, 503)
            assert office.deliveries.everything(failed=True) == [failed]
            assert 'result="failed"} 1.0' in office.metrics.render().decode()
            assert office.deliveries.retry("nothing-like-it") == 0
            assert office.deliveries.retry(webhook.id) == 1
            dispatcher.wake()
            await wait_until(lambda: office.only().delivered_at)
    assert len(set(receiver.ids)) == 1
    assert office.deliveries.retry(failed.message_id) == 0


async def test_a_receiver_that_is_gone_is_told_nothing_more(office: Office) -> None:
    with receive(say(410), say(200)) as receiver:
        webhook = office.add(receiver.url)
        office.announce("1")
        async with office.work() as dispatcher:
            await wait_until(lambda: office.webhooks.find(webhook.id).disabled_at)
            assert office.only().failed_at == office.clock()
            office.announce("2")
            office.deliveries.retry(webhook.id)
            assert office.deliveries.claim({}) == []
            office.webhooks.enable(webhook.id)
            dispatcher.wake()
            await wait_until(lambda: office.only().delivered_at)
    assert len(receiver.ids) == 2


async def test_retry_after_is_honoured_but_not_for_ever(office: Office) -> None:
    with receive(say(429, retry_after="600"), say(503, retry_after="99999999999")) as receiver:
        office.add(receiver.url)
        office.announce()
        async with office.work() as dispatcher:
            await wait_until(lambda: office.only().error)
            assert office.only().next_at == office.clock() + timedelta(seconds=600)
            office.clock.move(timedelta(seconds=600))
            dispatcher.wake()
            await wait_until(lambda: office.only().status == 503)
            assert office.only().next_at == office.clock() + DAY


async def test_a_stop_gives_back_what_is_under_way(office: Office) -> None:
    with receive(hang, say(200)) as receiver:
        office.add(receiver.url)
        office.announce()
        async with office.work():
            await wait_until(lambda: receiver.ids)
        left = office.only()
        assert (left.attempts, left.next_at, left.error) == (0, office.clock(), None)
        async with office.work():
            await wait_until(lambda: office.only().delivered_at)
    assert len(set(receiver.ids)) == 1
    assert f'kind="{RATED}",result="sent"}} 1.0' in office.metrics.render().decode()
