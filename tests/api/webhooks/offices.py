"""Everything that sending takes, with a clock that is moved by hand."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from itertools import count

import anyio
from sqlalchemy import Engine

from api.assembly import make_id
from api.metrics import Metrics
from api.storage.database import write_to
from api.storage.deliveries import LEASE, Deliveries, Delivery
from api.storage.outbox import KINDS, RATED, put
from api.storage.webhooks import Webhook, Webhooks
from api.webhooks.dispatcher import Dispatcher
from api.webhooks.sender import Sender, open_client

PATIENCE_S = 20.0
START = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


class Clock:
    """Shows the same moment until it is moved."""

    def __init__(self, moment: datetime = START) -> None:
        self.moment = moment

    def __call__(self) -> datetime:
        return self.moment

    def move(self, by: timedelta) -> None:
        self.moment += by


class Office:
    """Webhooks, deliveries and an outbox in one database."""

    def __init__(self, engine: Engine, clock: Clock | None = None) -> None:
        self.engine = engine
        self.clock = clock or Clock()
        self.metrics = Metrics()
        seeds = count(1)
        self.webhooks = Webhooks(
            engine, self.clock, make_id, lambda size: bytes([next(seeds)]) * size
        )
        self.deliveries = Deliveries(engine, self.clock)

    def add(self, url: str, kinds: Sequence[str] = KINDS) -> Webhook:
        return self.webhooks.add(url, kinds)

    def announce(self, key: str = "1", kind: str = RATED) -> None:
        payload = {"turn_id": key, "helpful": True, "comment": "Danke – schön"}
        with write_to(self.engine) as connection:
            put(connection, kind, key, payload, self.clock(), make_id)

    def list(self) -> Sequence[Delivery]:
        return self.deliveries.everything()

    def only(self) -> Delivery:
        (found,) = self.list()
        return found

    async def settle(self, attempts: int) -> Delivery:
        """Wait until the only delivery has been tried so often, and the last try has ended."""

        def ended() -> bool:
            one = self.only()
            return one.attempts == attempts and one.next_at != self.clock() + LEASE

        await wait_until(ended)
        return self.only()

    @asynccontextmanager
    async def work(self, in_all_s: float = PATIENCE_S) -> AsyncIterator[Dispatcher]:
        """Run a dispatcher."""
        async with open_client() as client, anyio.create_task_group() as group:
            sender = Sender(client, self.clock, in_all_s=in_all_s)
            dispatcher = Dispatcher(
                self.webhooks, self.deliveries, sender, self.metrics, self.clock, lambda: 0.5
            )
            group.start_soon(dispatcher.run)
            yield dispatcher
            group.cancel_scope.cancel()


async def wait_until(condition: Callable[[], object]) -> None:
    with anyio.fail_after(20):
        while not condition():  # noqa: ASYNC110 - the other side has no event for it
            await anyio.sleep(0.01)
