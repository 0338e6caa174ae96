"""Serving over HTTP."""

import uvicorn

from api.app import create_app
from api.logs import set_up_logs
from api.settings import Settings


def serve(settings: Settings) -> None:
    """Serve until the process is told to stop; running turns then have a while to end."""
    set_up_logs(settings.log_level)
    make_server(settings).run()


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
    return uvicorn.Server(config)
