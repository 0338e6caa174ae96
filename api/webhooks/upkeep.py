"""Upkeep: what is done now and then for the outbox: find resolutions, clear what is done with."""

from collections.abc import Awaitable, Callable

from anyio import sleep, to_thread

from api.errors import log_unexpected
from api.storage.deliveries import Deliveries
from api.storage.resolutions import Resolutions

PAUSE_S = 300.0


class Upkeep:
    """Settles and clears, five minutes after the start and every five minutes.

    `notify` is called when something was put into the outbox.
    """

    def __init__(
        self,
        resolutions: Resolutions,
        deliveries: Deliveries,
        notify: Callable[[], None],
        pause: Callable[[float], Awaitable[None]] = sleep,
    ) -> None:
        self._resolutions = resolutions
        self._deliveries = deliveries
        self._notify = notify
        self._pause = pause

    async def run(self) -> None:
        """Go round for ever; what fails is tried again in the next round."""
        while True:
            await self._pause(PAUSE_S)
            try:
                await self._go_round()
            except Exception as error:  # noqa: BLE001 - the next round may well succeed
                log_unexpected(error)

    async def _go_round(self) -> None:
        while await to_thread.run_sync(self._resolutions.settle):
            self._notify()
        await to_thread.run_sync(self._deliveries.clear)
