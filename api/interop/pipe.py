"""MCP over stdin and stdout, for a client that starts the server itself."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from anyio import CancelScope, Event, create_task_group
from mcp.server.stdio import stdio_server

from agent.errors import FrontdeskError
from api.assembly import Services, open_services
from api.errors import log_unexpected
from api.interop.mcp_server import build_server
from api.interop.tools import Toolbox, ToolRefused, open_toolbox
from api.metrics import Metrics
from api.settings import Settings
from knowledge_base.errors import KnowledgeBaseError

Opener = Callable[[Settings], AbstractAsyncContextManager[Services]]


class Opening:
    """Services that are being opened: clients give up on a server that is silent until then."""

    def __init__(self) -> None:
        self._settled = Event()
        self._ended = Event()
        self._services: Services | None = None
        self._problem = ""

    async def hold(self, settings: Settings, opener: Opener) -> None:
        """Open the services and keep them open until `end`, or until cancelled."""
        try:
            async with opener(settings) as services:
                self._services = services
                self._settled.set()
                await self._ended.wait()
        except (FrontdeskError, KnowledgeBaseError) as error:
            self._problem = str(error)
        except Exception as error:  # noqa: BLE001 - each call says that it could not start
            log_unexpected(error)
            self._problem = f"{type(error).__name__}; `frontdesk doctor` may know more."
        finally:
            self._settled.set()

    def end(self, scope: CancelScope) -> None:
        """Close what is open; what is still being opened is cut off with the scope."""
        self._ended.set()
        if not self._settled.is_set():
            scope.cancel()

    async def read(self) -> Services:
        """Wait for the services; raises ToolRefused if they could not be opened."""
        await self._settled.wait()
        if self._services is None:
            raise ToolRefused(f"The server could not start: {self._problem}")
        return self._services


async def serve_pipe(settings: Settings, audience: str, opener: Opener = open_services) -> None:
    """Serve the tools until stdin is closed."""
    opening, metrics = Opening(), Metrics()

    async def reach() -> Toolbox:
        return open_toolbox(await opening.read(), audience, metrics)

    server = build_server(reach, settings.company)
    async with stdio_server() as (incoming, outgoing), create_task_group() as group:
        group.start_soon(opening.hold, settings, opener)
        await server.run(incoming, outgoing, server.create_initialization_options())
        opening.end(group.cancel_scope)
