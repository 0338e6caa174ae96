"""The outbox: what others are to be told, written in the transaction of what it tells of."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select
from sqlalchemy.dialects import postgresql, sqlite

from api.storage.desk_tables import deliveries, outbox, webhooks

HANDED_OFF = "conversation.handed_off"
RESOLVED = "conversation.resolved"
RATED = "reply.rated"
TRIAGED = "ticket.triaged"
KINDS = (HANDED_OFF, RESOLVED, RATED, TRIAGED)


def put(  # noqa: PLR0913, PLR0917 - the transaction, and a row
    connection: Connection,
    kind: str,
    key: str,
    payload: dict[str, Any],
    now: datetime,
    new_id: Callable[[], str],
) -> None:
    """Add what is to be told, unless something with this key was added before.

    It is due at once to each webhook that is there now and asked for this kind; webhooks that
    are added later never hear of it.
    """
    row = {"id": new_id(), "kind": kind, "key": key, "payload": payload, "created_at": now}
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    added = dialect.insert(outbox).values(row).on_conflict_do_nothing(index_elements=["key"])
    if connection.execute(added).rowcount:
        _address(connection, str(row["id"]), kind, now)


def _address(connection: Connection, outbox_id: str, kind: str, now: datetime) -> None:
    there = select(webhooks.c.id, webhooks.c.kinds).where(webhooks.c.disabled_at.is_(None))
    for webhook in connection.execute(there).all():
        if kind in webhook.kinds:
            row = {"outbox_id": outbox_id, "webhook_id": webhook.id, "attempts": 0, "next_at": now}
            connection.execute(insert(deliveries).values(row))
