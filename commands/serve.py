"""`frontdesk serve`: the service."""

from typing import Annotated

import typer

from api.server import serve as run_server
from api.settings import read_settings
from commands.terminal import DataOption


def serve(
    *,
    host: Annotated[
        str | None, typer.Option(help="Address to listen on.", show_default="127.0.0.1")
    ] = None,
    port: Annotated[
        int | None, typer.Option(help="Port to listen on.", show_default="8000")
    ] = None,
    data: DataOption = None,
) -> None:
    """Serve the HTTP API and the page to try it on."""
    run_server(read_settings(data=data, host=host, port=port))
