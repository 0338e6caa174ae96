"""`frontdesk mcp`: the tools for a client that starts the server itself."""

from typing import Annotated, Literal

import anyio
import typer

from api.logs import set_up_logs
from api.settings import read_settings
from commands.terminal import DataOption


def serve_mcp(
    *,
    audience: Annotated[
        Literal["public", "staff"],
        typer.Option(help="Whose articles are read: customers', or staff's too."),
    ] = "public",
    data: DataOption = None,
) -> None:
    """Serve `search`, `fetch` and `answer` by the Model Context Protocol on stdin and stdout.

    It opens a model of its own. Where `frontdesk serve` runs, give clients its /mcp instead.
    """
    from api.interop.pipe import serve_pipe  # noqa: PLC0415 - it takes a while to load

    settings = read_settings(data=data)
    set_up_logs(settings.log_level)
    anyio.run(serve_pipe, settings, audience)
