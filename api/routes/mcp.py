"""The Model Context Protocol, at /mcp."""

from fastapi import APIRouter, Response

from api.dependencies import OpenServices, OwnMetrics
from api.interop.callers import AdmittedCaller

# Not in the schema: what is said here is JSON-RPC, and the protocol describes it itself.
router = APIRouter(include_in_schema=False)


@router.post("/mcp")
async def exchange(caller: AdmittedCaller, services: OpenServices, metrics: OwnMetrics) -> Response:
    """Answer one message of a client; nothing is kept between two."""
    from api.interop.exchange import Exchange, list_own_names  # noqa: PLC0415 - mcp loads slowly
    from api.interop.mcp_server import build_server  # noqa: PLC0415 - likewise
    from api.interop.tools import Toolbox, open_toolbox  # noqa: PLC0415 - likewise

    async def reach() -> Toolbox:
        return open_toolbox(services, caller.audience, metrics)

    server = build_server(reach, services.settings.company)
    return Exchange(server, list_own_names(services.settings))
