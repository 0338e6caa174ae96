"""A sender that dies, as by `kill -9`, after a receiver has accepted and before it is noted."""

import os
import signal
import sys
from datetime import datetime

import anyio

from api.metrics import Metrics
from api.storage.database import open_database
from api.storage.deliveries import Deliveries, Errand
from api.storage.webhooks import Webhooks
from api.webhooks.dispatcher import Dispatcher
from api.webhooks.sender import Sender, open_client


class DeadlyDeliveries(Deliveries):
    def succeed(self, errand: Errand, status: int) -> None:
        print(errand.message_id, status, flush=True)  # noqa: T201 - it is read by who started it
        os.kill(os.getpid(), signal.SIGKILL)


async def main(database: str, moment: str) -> None:
    now = datetime.fromisoformat(moment)
    engine = open_database(database)
    webhooks = Webhooks(engine, lambda: now, str, os.urandom)
    deliveries = DeadlyDeliveries(engine, lambda: now)
    async with open_client() as client:
        sender = Sender(client, lambda: now)
        await Dispatcher(webhooks, deliveries, sender, Metrics(), lambda: now, lambda: 0.5).run()


if __name__ == "__main__":
    anyio.run(main, sys.argv[1], sys.argv[2])
