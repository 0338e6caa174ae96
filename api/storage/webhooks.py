"""Webhooks: the addresses outside that are told what happens here.

WebhookError
├── WebhookUnknown  there is none with this id
└── WebhookThere    this address has one already
"""

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, Row, insert, select, update

from api.storage.database import read_from, write_to
from api.storage.desk_tables import webhooks

SECRET_PREFIX = "whsec_"  # noqa: S105 - what secrets begin with, and none itself
SECRET_BYTES = 32


class WebhookError(Exception):
    """Something that can't be done with a webhook; the message says why."""


class WebhookUnknown(WebhookError):  # noqa: N818 - it reads as what happened
    """There is no webhook with this id; `frontdesk webhook list` shows them."""


class WebhookThere(WebhookError):  # noqa: N818
    """This address has a webhook already."""


@dataclass(frozen=True, slots=True)
class Webhook:
    """An address, the kinds that it asked for, and the secret its messages are signed with."""

    id: str
    url: str
    kinds: tuple[str, ...]
    created_at: datetime
    disabled_at: datetime | None
    secret: str = field(repr=False)


class Webhooks:
    """Keeps webhooks. Each method is one transaction and blocks.

    `draw` gives as many random bytes as it is asked for: they are what a secret is made of.
    """

    def __init__(
        self,
        engine: Engine,
        now: Callable[[], datetime],
        new_id: Callable[[], str],
        draw: Callable[[int], bytes],
    ) -> None:
        self._engine = engine
        self._now = now
        self._new_id = new_id
        self._draw = draw

    def add(self, url: str, kinds: Sequence[str]) -> Webhook:
        """Tell an address of what happens from now on; raises WebhookThere."""
        row = {
            "id": self._new_id(),
            "url": url,
            "secret": SECRET_PREFIX + base64.b64encode(self._draw(SECRET_BYTES)).decode(),
            "kinds": list(kinds),
            "created_at": self._now(),
        }
        with write_to(self._engine) as connection:
            known = connection.scalar(select(webhooks.c.id).where(webhooks.c.url == url))
            if known is not None:
                raise WebhookThere(
                    f"There is a webhook for this address already: {known}. If it is disabled, "
                    f"`frontdesk webhook enable {known}` goes on with it."
                )
            connection.execute(insert(webhooks).values(row))
            return _require(connection, str(row["id"]))

    def everything(self) -> Sequence[Webhook]:
        """Return all, the oldest first."""
        with read_from(self._engine) as connection:
            rows = connection.execute(
                select(webhooks).order_by(webhooks.c.created_at, webhooks.c.id)
            )
            return [_read(row) for row in rows]

    def find(self, webhook_id: str) -> Webhook:
        """Return one; raises WebhookUnknown."""
        with read_from(self._engine) as connection:
            return _require(connection, webhook_id)

    def disable(self, webhook_id: str) -> Webhook:
        """Send it nothing more. What waits stays, until it is enabled; raises WebhookUnknown."""
        return self._set_disabled(webhook_id, self._now())

    def enable(self, webhook_id: str) -> Webhook:
        """Go on with what waits, and with what happens from now on; raises WebhookUnknown."""
        return self._set_disabled(webhook_id, None)

    def _set_disabled(self, webhook_id: str, disabled_at: datetime | None) -> Webhook:
        own = webhooks.c.id == webhook_id
        with write_to(self._engine) as connection:
            connection.execute(update(webhooks).where(own).values(disabled_at=disabled_at))
            return _require(connection, webhook_id)


def _require(connection: Connection, webhook_id: str) -> Webhook:
    row = connection.execute(select(webhooks).where(webhooks.c.id == webhook_id)).first()
    if row is None:
        raise WebhookUnknown(
            f"There is no webhook {webhook_id}; `frontdesk webhook list` shows them."
        )
    return _read(row)


def _read(row: Row[Any]) -> Webhook:
    values = row._asdict()
    return Webhook(**{**values, "kinds": tuple(values["kinds"])})
