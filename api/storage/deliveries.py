"""Deliveries: what each webhook is to be told, how often that was tried, and how it went.

A delivery that is being tried is out on a lease: `next_at` lies ahead of the longest try, so that
nobody else takes it, and it is due again by itself if whoever took it has died. `attempts` tells
holders of the same delivery apart: one whose lease ran out can't put off another's try.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, Row, and_, delete, func, or_, select
from sqlalchemy import update as sql_update

from api.storage.database import read_from, write_to
from api.storage.desk_tables import deliveries, handoffs, outbox, webhooks
from api.storage.outbox import HANDED_OFF

# Longer than any try may last.
LEASE = timedelta(seconds=60)
AT_ONCE = 4
KEPT = timedelta(days=30)
# What has arrived, and what failed for good, is due no more.
PENDING = deliveries.c.next_at.is_not(None)


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message, whom it is for, and how far it has come."""

    message_id: str
    webhook_id: str
    kind: str
    url: str
    created_at: datetime
    attempts: int
    next_at: datetime | None
    delivered_at: datetime | None
    failed_at: datetime | None
    status: int | None
    error: str | None


@dataclass(frozen=True, slots=True)
class Errand:
    """A delivery that was taken on: all that is needed to try it once."""

    message_id: str
    webhook_id: str
    kind: str
    url: str
    payload: dict[str, Any]
    created_at: datetime
    attempt: int
    secret: str = field(repr=False)


class Deliveries:
    """Keeps deliveries. Each method is one transaction and blocks: call it in a thread."""

    def __init__(self, engine: Engine, now: Callable[[], datetime]) -> None:
        self._engine = engine
        self._now = now

    def claim(self, busy: Mapping[str, int], at_once: int = AT_ONCE) -> Sequence[Errand]:
        """Take on what is due, on a lease; no two callers get the same.

        `busy` is how many each webhook has under way: none gets more than `at_once`.
        """
        now = self._now()
        with_room = {
            webhook_id: at_once - busy.get(webhook_id, 0)
            for webhook_id in self._find_due(now)
            if busy.get(webhook_id, 0) < at_once
        }
        if not with_room:  # SQLite's write lock is not taken for nothing
            return []
        with write_to(self._engine) as connection:
            return [
                errand
                for webhook_id, room in with_room.items()
                for errand in _claim(connection, webhook_id, room, now)
            ]

    def _find_due(self, now: datetime) -> Sequence[str]:
        wanted = select(deliveries.c.webhook_id).join(webhooks).where(_is_due(now)).distinct()
        with read_from(self._engine) as connection:
            return connection.scalars(wanted.order_by(deliveries.c.webhook_id)).all()

    def succeed(self, errand: Errand, status: int) -> None:
        """Note that it has arrived, whoever has the lease by now."""
        values = {"delivered_at": self._now(), "failed_at": None, "next_at": None}
        with write_to(self._engine) as connection:
            _update(connection, _own(errand), status=status, error=None, **values)

    def put_off(
        self, errand: Errand, status: int | None, error: str, next_at: datetime | None
    ) -> None:
        """Note that a try failed, and when the next is due; with None, it was the last."""
        failed_at = self._now() if next_at is None else None
        values = {"next_at": next_at, "failed_at": failed_at, "status": status, "error": error}
        with write_to(self._engine) as connection:
            _update(connection, _held(errand), **values)

    def release(self, errand: Errand) -> None:
        """Give back what was not tried to its end: it is due at once, and the try counts not."""
        values = {"next_at": self._now(), "attempts": errand.attempt - 1}
        with write_to(self._engine) as connection:
            _update(connection, _held(errand), **values)

    def retry(self, some_id: str) -> int:
        """Start again with what has not arrived of a message, or at a webhook; return how many."""
        mine = or_(deliveries.c.outbox_id == some_id, deliveries.c.webhook_id == some_id)
        where = and_(mine, deliveries.c.delivered_at.is_(None))
        values = {"attempts": 0, "next_at": self._now(), "failed_at": None}
        with write_to(self._engine) as connection:
            return _update(connection, where, **values)

    def everything(self, *, failed: bool = False, limit: int = 100) -> Sequence[Delivery]:
        """Return the latest, or the latest that failed for good; the newest first."""
        wanted = (
            select(deliveries, outbox.c.kind, outbox.c.created_at, webhooks.c.url)
            .join_from(deliveries, outbox)
            .join(webhooks)
            .order_by(outbox.c.created_at.desc(), outbox.c.id, webhooks.c.id)
        )
        if failed:
            wanted = wanted.where(deliveries.c.failed_at.is_not(None))
        with read_from(self._engine) as connection:
            return [_read(row) for row in connection.execute(wanted.limit(limit))]

    def count_pending(self) -> int:
        """Return how many are still to arrive at webhooks that are not disabled."""
        wanted = select(func.count()).select_from(deliveries).join(webhooks)
        with read_from(self._engine) as connection:
            found = connection.scalar(wanted.where(PENDING, webhooks.c.disabled_at.is_(None)))
        return found or 0

    def clear(self) -> int:
        """Remove what arrived over 30 days ago, and messages that are for nobody (any more).

        What has not arrived stays, and can be retried. Returns how many deliveries went.
        """
        then = self._now() - KEPT
        addressed = select(deliveries.c.outbox_id).where(deliveries.c.outbox_id == outbox.c.id)
        with write_to(self._engine) as connection:
            gone = connection.execute(delete(deliveries).where(deliveries.c.delivered_at < then))
            connection.execute(
                delete(outbox).where(outbox.c.created_at < then, ~addressed.exists())
            )
        return gone.rowcount


def _is_due(now: datetime) -> ColumnElement[bool]:
    return and_(deliveries.c.next_at <= now, webhooks.c.disabled_at.is_(None))


def _own(errand: Errand) -> ColumnElement[bool]:
    return and_(
        deliveries.c.outbox_id == errand.message_id, deliveries.c.webhook_id == errand.webhook_id
    )


def _held(errand: Errand) -> ColumnElement[bool]:
    return and_(_own(errand), deliveries.c.attempts == errand.attempt, PENDING)


def _update(connection: Connection, where: ColumnElement[bool], **values: object) -> int:
    return connection.execute(sql_update(deliveries).where(where).values(**values)).rowcount


def _claim(connection: Connection, webhook_id: str, room: int, now: datetime) -> list[Errand]:
    wanted = (
        select(deliveries.c.attempts, outbox, webhooks.c.url, webhooks.c.secret)
        .join_from(deliveries, outbox)
        .join(webhooks)
        .where(_is_due(now), deliveries.c.webhook_id == webhook_id)
        .order_by(deliveries.c.next_at, outbox.c.created_at, outbox.c.id)
        .limit(room)
        .with_for_update(of=deliveries, skip_locked=True)
    )
    claimed = [
        _make_errand(connection, webhook_id, row) for row in connection.execute(wanted).all()
    ]
    for errand in claimed:
        _update(connection, _own(errand), attempts=errand.attempt, next_at=now + LEASE)
    return claimed


def _make_errand(connection: Connection, webhook_id: str, row: Row[Any]) -> Errand:
    return Errand(
        message_id=row.id,
        webhook_id=webhook_id,
        kind=row.kind,
        url=row.url,
        payload={**row.payload, **_find_summary(connection, row)},
        created_at=row.created_at,
        attempt=row.attempts + 1,
        secret=row.secret,
    )


def _find_summary(connection: Connection, row: Row[Any]) -> dict[str, str]:
    # It is made while the hand-off waits, after the message was put into the outbox.
    if row.kind != HANDED_OFF:
        return {}
    own = handoffs.c.id == row.payload.get("handoff_id")
    summary = connection.scalar(select(handoffs.c.summary).where(own))
    return {"summary": summary} if summary else {}


def _read(row: Row[Any]) -> Delivery:
    values = row._asdict()
    return Delivery(message_id=values.pop("outbox_id"), **values)
