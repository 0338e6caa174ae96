"""The dispatcher: sends what is due, as long as the service runs."""

import asyncio
from collections import Counter
from collections.abc import Callable
from datetime import datetime

import structlog
from anyio import CancelScope, create_task_group, move_on_after, to_thread
from anyio.abc import TaskGroup

from api.errors import log_unexpected
from api.metrics import Metrics
from api.storage.deliveries import Deliveries, Errand
from api.storage.webhooks import Webhooks
from api.webhooks.schedule import plan
from api.webhooks.sender import Answer, Sender

POLL_S = 2.0

log = structlog.get_logger(__name__)


class Dispatcher:
    """Takes what is due out of the database and sends it, a few at a time to each webhook.

    `jitter` gives numbers from 0 to 1.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - what it reads, how it sends, what it counts
        self,
        webhooks: Webhooks,
        deliveries: Deliveries,
        sender: Sender,
        metrics: Metrics,
        now: Callable[[], datetime],
        jitter: Callable[[], float],
    ) -> None:
        self._webhooks = webhooks
        self._deliveries = deliveries
        self._sender = sender
        self._metrics = metrics
        self._now = now
        self._jitter = jitter
        self._busy: Counter[str] = Counter()
        self._changed = asyncio.Event()

    def wake(self) -> None:
        """Say that the outbox may have grown."""
        self._changed.set()

    async def run(self) -> None:
        """Send what is due, look again when woken and every two seconds; never returns.

        When it is cancelled, what is under way is given back: it is sent again at the next start,
        under the same id.
        """
        async with create_task_group() as group:
            while True:
                self._changed.clear()
                try:
                    await self._begin_due(group)
                except Exception as error:  # noqa: BLE001 - the database may well come back
                    log_unexpected(error)
                with move_on_after(POLL_S):
                    await self._changed.wait()

    async def _begin_due(self, group: TaskGroup) -> None:
        # Whoever has taken something on must begin it, or it would wait for its lease to run out.
        with CancelScope(shield=True):
            claimed = await to_thread.run_sync(self._deliveries.claim, dict(self._busy))
            for errand in claimed:
                self._busy[errand.webhook_id] += 1
                group.start_soon(self._attempt, errand)
        pending = await to_thread.run_sync(self._deliveries.count_pending)
        self._metrics.webhooks_pending.set(pending)

    async def _attempt(self, errand: Errand) -> None:
        answer: Answer | None = None
        try:
            answer = await self._sender.send(errand)
        except Exception as error:  # noqa: BLE001 - one message must not stop the others
            log_unexpected(error)
            answer = Answer(error=type(error).__name__)
        finally:
            self._busy[errand.webhook_id] -= 1
            with CancelScope(shield=True):
                await self._record(errand, answer)
            self.wake()

    async def _record(self, errand: Errand, answer: Answer | None) -> None:
        try:
            if answer is None:
                await to_thread.run_sync(self._deliveries.release, errand)
            elif answer.status is not None and answer.accepted:
                await to_thread.run_sync(self._deliveries.succeed, errand, answer.status)
                self._metrics.count_webhook(errand.kind, "sent")
            else:
                await self._put_off(errand, answer)
        except Exception as error:  # noqa: BLE001 - it is due again when its lease has run out
            log_unexpected(error)

    async def _put_off(self, errand: Errand, answer: Answer) -> None:
        next_at = None
        if not answer.gone:
            next_at = plan(errand.attempt, self._now(), self._jitter(), answer.retry_after)
        error = answer.error or ""
        await to_thread.run_sync(self._deliveries.put_off, errand, answer.status, error, next_at)
        self._metrics.count_webhook(errand.kind, "failed" if next_at is None else "put_off")
        log.warning(
            "webhook_not_sent",
            webhook=errand.webhook_id,
            message=errand.message_id,
            attempt=errand.attempt,
            error=error,
            next_at=next_at.isoformat() if next_at else None,
        )
        if answer.gone:
            await to_thread.run_sync(self._webhooks.disable, errand.webhook_id)
            log.warning("webhook_disabled", webhook=errand.webhook_id, status=answer.status)
