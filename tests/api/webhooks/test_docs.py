"""docs/webhooks.md: its receiver is run, and what it says is so."""

import os
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import httpx2

from api.storage.deliveries import AT_ONCE, KEPT
from api.storage.outbox import KINDS
from api.webhooks.schedule import PAUSES
from api.webhooks.sender import CONNECTING_S, IN_ALL_S, Sender, open_client, sign
from tests.api.webhooks.documentation import TEXT, find_blocks, read_examples
from tests.api.webhooks.offices import Office, wait_until

OTHER_SECRET = "whsec_" + 8 * "bm8h"


@contextmanager
def run_receiver(port: int, secret: str, database: Path) -> Iterator[None]:
    (script,) = find_blocks("python")
    given = {"WEBHOOK_SECRET": secret, "DATABASE": str(database), "PORT": str(port)}
    running = subprocess.Popen(
        [sys.executable, "-c", script], env=os.environ | given, stderr=subprocess.DEVNULL
    )
    try:
        yield
    finally:
        running.kill()
        running.wait()


def is_up(port: int) -> bool:
    with socket.socket() as knocking:
        return knocking.connect_ex(("127.0.0.1", port)) == 0


async def test_the_receiver_checks_signatures_and_counts_each_message_once(
    office: Office, tmp_path: Path
) -> None:
    office.clock.moment = datetime.now(UTC)  # a signature is good for five minutes
    with closing(socket.create_server(("127.0.0.1", 0))) as placeholder:
        port = placeholder.getsockname()[1]
    webhook = office.add(f"http://127.0.0.1:{port}/")
    office.announce()
    (errand,) = office.deliveries.claim({})
    ledger = tmp_path / "receiver.sqlite"
    with run_receiver(port, webhook.secret, ledger):
        await wait_until(lambda: is_up(port))
        async with open_client() as client:
            sender = Sender(client, office.clock)
            forged = replace(errand, message_id="forged", secret=OTHER_SECRET)
            answers = [(await sender.send(one)).status for one in (errand, errand, forged)]
            garbled = {**sign(errand, b"{}", office.clock()), "webhook-signature": "v1"}
            refused = await client.post(webhook.url, content=b"{}", headers=garbled)
    assert answers == [204, 204, 401]
    assert refused.status_code == httpx2.codes.UNAUTHORIZED
    with closing(sqlite3.connect(ledger)) as kept:
        assert kept.execute("SELECT * FROM ratings").fetchall() == [("1", 1)]
        assert kept.execute("SELECT id FROM seen").fetchall() == [(errand.message_id,)]


def test_kinds_and_limits_are_as_they_are_said_to_be() -> None:
    assert tuple(read_examples()) == KINDS
    assert (CONNECTING_S, IN_ALL_S, AT_ONCE, KEPT.days, len(PAUSES)) == (5, 15, 4, 30, 9)
    words = " ".join(TEXT.split())
    for said in (
        "5 seconds to connect and 15 in all",
        "after 5 seconds, 5 minutes, 30 minutes, and 2, 5, 10, 14, 20 and 24 hours",
        "At most four messages",
        "removed after 30 days",
    ):
        assert said in words
