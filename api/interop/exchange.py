"""MCP over HTTP: each request is an exchange of its own, and no session is kept."""

from typing import Any

from mcp.server.lowlevel import Server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.server.transport_security import TransportSecuritySettings
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from api.interop.callers import LOOPBACK_NAMES
from api.settings import Settings

# Compared with, not listened on.
ANYWHERE = frozenset({"0.0.0.0", "::"})  # noqa: S104  # nosec B104


class Exchange(Response):
    """A response that the protocol's own server writes.

    Whoever leaves cancels what they asked for. Hosts and origins that are not the service's own
    are refused: a page elsewhere could otherwise reach it through somebody's browser.
    """

    def __init__(self, server: Server[Any], security: TransportSecuritySettings) -> None:
        super().__init__()
        self._server = server
        self._security = security

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the exchange."""
        manager = StreamableHTTPSessionManager(
            self._server, stateless=True, security_settings=self._security
        )
        refused: HTTPException | None = None
        async with manager.run():  # it would wrap what is raised inside
            try:
                await manager.handle_request(scope, receive, send)
            except HTTPException as error:
                refused = error
        if refused:
            raise refused


def list_own_names(settings: Settings) -> TransportSecuritySettings:
    """Return the hosts and origins that the service goes by."""
    listed = (name.strip() for name in settings.interop_hosts.split(","))
    own = [] if settings.host in ANYWHERE else [settings.host]
    names = dict.fromkeys([*LOOPBACK_NAMES, *own, *filter(None, listed)])
    hosts = [host for name in names for host in (name, f"{name}:*")]
    origins = [f"{scheme}://{host}" for scheme in ("http", "https") for host in hosts]
    return TransportSecuritySettings(allowed_hosts=hosts, allowed_origins=origins)
