"""`frontdesk serve`: the service."""

from ipaddress import ip_address
from typing import Annotated

import typer

from api.server import serve as run_server
from api.settings import read_settings
from commands.terminal import DataOption, Exit, fail


def serve(
    *,
    host: Annotated[
        str | None, typer.Option(help="Address to listen on.", show_default="127.0.0.1")
    ] = None,
    port: Annotated[
        int | None, typer.Option(help="Port to listen on.", show_default="8000")
    ] = None,
    demo: Annotated[
        bool | None,
        typer.Option("--demo", help="Serve /demo too: website and desk side by side, no log-in."),
    ] = None,
    data: DataOption = None,
) -> None:
    """Serve the HTTP API, the widget and the desk."""
    settings = read_settings(data=data, host=host, port=port, demo=demo)
    if settings.demo and not _is_loopback(settings.host):
        raise fail(
            f"The demo lets everybody in at the desk, so it is not served on {settings.host}. "
            "Leave --demo out, or listen on 127.0.0.1.",
            Exit.WRONG_USAGE,
        )
    run_server(settings)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
