"""Serving over HTTP."""

import socket
from typing import TYPE_CHECKING, cast

import uvicorn

from api.app import create_app, end_streams
from api.logs import set_up_logs
from api.settings import Settings

if TYPE_CHECKING:
    from fastapi import FastAPI


def serve(settings: Settings) -> None:
    """Serve until the process is told to stop; running turns then have a while to end."""
    set_up_logs(settings.log_level)
    make_server(settings).run()


class Server(uvicorn.Server):
    """Ends what is followed live before it waits for the open requests: that never ends itself."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop listening and end all requests."""
        end_streams(cast("FastAPI", self.config.app))
        await super().shutdown(sockets)


def make_server(settings: Settings) -> uvicorn.Server:
    """Return the server: one worker, no access log (requests are logged without their paths)."""
    config = uvicorn.Config(
        create_app(settings),
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=settings.shutdown_timeout_s,
    )
    return Server(config)
