"""What goes on behind the requests for those outside: put together, and run."""

import random
import secrets
from datetime import timedelta

from anyio import create_task_group

from api.assembly import Services, make_id
from api.live import Live
from api.metrics import Metrics
from api.storage.articles import read_utc
from api.storage.deliveries import Deliveries
from api.storage.resolutions import Resolutions
from api.storage.webhooks import Webhooks
from api.webhooks.dispatcher import Dispatcher
from api.webhooks.sender import Sender, open_client
from api.webhooks.upkeep import Upkeep


async def tell_outside(services: Services, live: Live, metrics: Metrics) -> None:
    """Tell webhooks what happens, until cancelled; without any, nothing is connected."""
    settings, engine = services.settings, services.engine
    deliveries = Deliveries(engine, read_utc)
    resolutions = Resolutions(engine, read_utc, make_id, timedelta(hours=settings.resolved_after_h))
    async with open_client() as client, create_task_group() as group:
        dispatcher = Dispatcher(
            Webhooks(engine, read_utc, make_id, secrets.token_bytes),
            deliveries,
            Sender(client, read_utc, plain_http=settings.webhook_http),
            metrics,
            read_utc,
            random.random,
        )
        live.listen(dispatcher.wake)
        group.start_soon(dispatcher.run)
        group.start_soon(Upkeep(resolutions, deliveries, dispatcher.wake).run)
