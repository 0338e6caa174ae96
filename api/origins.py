"""Origins: which websites' pages may talk to the agent."""

import time
from collections.abc import Callable, Sequence

from anyio import to_thread
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.errors import describe, respond
from api.refusals import OriginRefused
from api.storage.sites import Site

PATHS = ("/v1/conversations", "/v1/sites")
FRESH_S = 5.0
ALLOWED = {
    "Access-Control-Allow-Methods": "GET, POST, OPTIONS",
    "Access-Control-Allow-Headers": "authorization, content-type, last-event-id",
    "Access-Control-Max-Age": "600",
}
EXPOSED = "Turn-Id, Retry-After"


class OriginGate:
    """Lets in pages of the sites' origins and of the server's own, and answers preflights.

    `list_sites` is None while the services are being opened. What is read is kept for five
    seconds. Requests without an `Origin` come from programs, and pass.
    """

    def __init__(
        self,
        app: ASGIApp,
        list_sites: Callable[[], Callable[[], Sequence[Site]] | None],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._app = app
        self._list_sites = list_sites
        self._monotonic = monotonic
        self._sites: Sequence[Site] = ()
        self._read_at = float("-inf")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        origin = Headers(scope=scope).get("origin") if _is_guarded(scope) else None
        if origin is None or _is_own(origin, scope):
            await self._app(scope, receive, send)
        elif not await self._allows(origin):
            await _refuse(origin, scope["method"])(scope, receive, send)
        elif scope["method"] == "OPTIONS":
            await Response(status_code=204, headers=_allow(origin))(scope, receive, send)
        else:
            await self._app(scope, receive, _send_allowed(send, origin))

    async def _allows(self, origin: str) -> bool:
        if self._monotonic() - self._read_at > FRESH_S:
            read = self._list_sites()
            self._sites = await to_thread.run_sync(read) if read else ()
            self._read_at = self._monotonic() if read else float("-inf")
        return any(site.allows(origin) for site in self._sites if site.disabled_at is None)


def is_own(origin: str, host: str | None, scheme: str) -> bool:
    """Whether a page of this origin came from this server."""
    return host is not None and origin == f"{scheme}://{host}"


def _is_own(origin: str, scope: Scope) -> bool:
    return is_own(origin, Headers(scope=scope).get("host"), scope["scheme"])


def _is_guarded(scope: Scope) -> bool:
    return scope["type"] == "http" and str(scope["path"]).startswith(PATHS)


def _refuse(origin: str, method: str) -> Response:
    headers = {"Vary": "Origin"}
    if method != "OPTIONS":
        # The page may read why it is refused: its owner learns it from the browser's console.
        headers["Access-Control-Allow-Origin"] = origin
    return respond(describe(OriginRefused()), headers)


def _allow(origin: str) -> dict[str, str]:
    return {"Access-Control-Allow-Origin": origin, "Vary": "Origin", **ALLOWED}


def _send_allowed(send: Send, origin: str) -> Send:
    async def send_allowed(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers["Access-Control-Allow-Origin"] = origin
            headers["Access-Control-Expose-Headers"] = EXPOSED
            headers.add_vary_header("Origin")
        await send(message)

    return send_allowed
