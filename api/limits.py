"""Rate limits, by address and by conversation, in pure ASGI."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from time import time
from typing import Any

import structlog
from limits import RateLimitItem, parse_many
from limits.aio.storage import MemoryStorage, RedisStorage, Storage
from limits.aio.strategies import MovingWindowRateLimiter
from limits.errors import StorageError
from redis.asyncio import ConnectionPool
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from api.errors import describe, respond
from api.refusals import TooMany

log = structlog.get_logger(__name__)
COUNTED = ("/v1/", "/mcp")
CONVERSATION = re.compile(r"^/v1/conversations/([^/]{1,64})(/.*)?$")


@dataclass(frozen=True, slots=True)
class Limits:
    """How often is often enough, in the words of the `limits` library.

    `starts` counts conversations by address, `messages` by conversation and, ten times as many,
    by address; `others` counts all other requests of clients, by address.
    """

    starts: Sequence[RateLimitItem]
    messages: Sequence[RateLimitItem]
    messages_by_address: Sequence[RateLimitItem]
    others: Sequence[RateLimitItem]


def read_limits(starts: str, messages: str, others: str) -> Limits:
    """Read limits such as `10/minute;100/hour`; raises ValueError."""
    by_conversation = parse_many(messages)
    return Limits(
        parse_many(starts),
        by_conversation,
        [type(item)(item.amount * 10, item.multiples) for item in by_conversation],
        parse_many(others),
    )


@dataclass(frozen=True, slots=True)
class Counts:
    """Where requests are counted: this process, or Redis, which replicas share."""

    storage: Storage
    pool: ConnectionPool | None = None

    @classmethod
    def open(cls, url: str | None) -> "Counts":
        """Return the counts at a Redis URL, or this process's own; nothing is connected yet."""
        if url is None:
            return cls(MemoryStorage())
        pool = ConnectionPool.from_url(url)
        options: dict[str, Any] = {"connection_pool": pool, "wrap_exceptions": True}
        storage = RedisStorage(f"async+{url}", implementation="redispy", **options)
        return cls(storage, pool)

    async def aclose(self) -> None:
        """Close the connections."""
        if self.pool is not None:
            await self.pool.aclose()


class Throttle:
    """Answers 429 to who asks too often. Where Redis is away, everybody is let in.

    `forwarded` says whether a proxy stands before the server, whose X-Forwarded-For is believed:
    its last entry, the one that the proxy wrote.
    """

    def __init__(
        self, app: ASGIApp, limits: Limits, storage: Storage, *, forwarded: bool = False
    ) -> None:
        self._app = app
        self._limits = limits
        self._limiter = MovingWindowRateLimiter(storage)
        self._forwarded = forwarded

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or say when to come back."""
        if scope["type"] == "http" and (wait := await self._attempt(scope)):
            await respond(describe(TooMany(wait)))(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _attempt(self, scope: Scope) -> int:
        try:
            return await self._count(scope)
        except StorageError as error:
            log.warning("requests_not_counted", error=type(error.storage_error).__name__)
            return 0

    async def _count(self, scope: Scope) -> int:
        """Count the request; return the seconds to wait, 0 if it is within the limits."""
        if scope["method"] == "OPTIONS" or not scope["path"].startswith(COUNTED):
            return 0
        for items, name in self._list_counts(scope):
            for item in items:
                if not await self._limiter.hit(item, name):
                    stats = await self._limiter.get_window_stats(item, name)
                    return max(1, ceil(stats.reset_time - time()))
        return 0

    def _list_counts(self, scope: Scope) -> list[tuple[Sequence[RateLimitItem], str]]:
        address = self._read_address(scope)
        found, posted = CONVERSATION.match(scope["path"]), scope["method"] == "POST"
        if posted and scope["path"] == "/v1/conversations":
            return [(self._limits.starts, f"starts:{address}")]
        if posted and found and found[2] == "/messages":
            return [
                (self._limits.messages, f"messages:{found[1]}"),
                (self._limits.messages_by_address, f"messages:{address}"),
            ]
        return [(self._limits.others, f"others:{address}")]

    def _read_address(self, scope: Scope) -> str:
        if self._forwarded and (said := Headers(scope=scope).get("x-forwarded-for")):
            return said.rsplit(",", 1)[-1].strip()
        client = scope.get("client")
        return client[0] if client else ""
