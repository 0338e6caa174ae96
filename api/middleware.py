"""What happens around every request, in pure ASGI so that disconnects stay visible."""

import time
from collections.abc import Callable, Mapping

import structlog
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.errors import describe, log_unexpected, respond
from api.metrics import Metrics

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
HEADERS = (
    (
        b"content-security-policy",
        (
            b"default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
            b"img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        ),
    ),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
)

log = structlog.get_logger(__name__)


class BodyLimit:
    """Refuses bodies of more than `limit` bytes while they come in; `wider` holds some paths'."""

    def __init__(self, app: ASGIApp, limit: int, wider: Mapping[str, int] | None = None) -> None:
        self._app = app
        self._limit = limit
        self._wider = wider or {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, counting its body."""
        taken, limit = 0, self._wider.get(scope.get("path", ""), self._limit)

        async def receive_counted() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > limit:
                raise HTTPException(413)
            return message

        limited = receive_counted if scope["type"] == "http" else receive
        await self._app(scope, limited, send)


class RequestObserver:
    """Counts and logs each request by its route's template, and answers unexpected errors.

    Paths hold conversation ids and queries could hold anything, so neither is logged.
    """

    def __init__(
        self, app: ASGIApp, metrics: Metrics, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._app = app
        self._metrics = metrics
        self._monotonic = monotonic

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status = self._monotonic(), 0

        async def send_observed(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                given = message.get("headers", [])
                names = {name for name, _ in given}
                message["headers"] = [*given, *(pair for pair in HEADERS if pair[0] not in names)]
            await send(message)

        try:
            await self._app(scope, receive, send_observed)
        except Exception as error:  # noqa: BLE001 - the server would log it with its text
            log_unexpected(error)
            if not status:
                await respond(describe(error))(scope, receive, send_observed)
        finally:
            self._report(scope, status, self._monotonic() - began)

    def _report(self, scope: Scope, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", "") or scope.get("root_path") or "unmatched"
        method = scope["method"] if scope["method"] in METHODS else "other"
        self._metrics.count_request(route, method, status)
        log.info("request", route=route, method=method, status=status, seconds=round(seconds, 3))
