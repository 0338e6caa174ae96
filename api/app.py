"""The HTTP application."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from anyio import create_task_group, sleep_forever, to_thread
from fastapi import FastAPI

from agent.errors import FrontdeskError
from api.assembly import Notify, Services, open_services
from api.errors import add_error_handlers, log_unexpected
from api.metrics import Metrics
from api.middleware import BodyLimit, RequestObserver
from api.routes import conversations, health, pages
from api.settings import Settings
from api.startup import Startup
from api.turns import Turns
from knowledge_base.errors import KnowledgeBaseError

Opener = Callable[[Settings, Notify], AbstractAsyncContextManager[Services]]
# A character of text takes at most twelve bytes of JSON, as a pair of escapes.
BYTES_A_CHARACTER = 12
BYTES_BESIDE = 32_768


def create_app(
    settings: Settings, services: Services | None = None, opener: Opener = open_services
) -> FastAPI:
    """Return the application.

    Its lifespan opens the services in the background, so that it listens at once, and closes
    them; `services` that are given are used as they are, and left open.
    """
    app = FastAPI(
        title="Frontdesk",
        version="0.1.0",
        docs_url=None,  # FastAPI's pages load scripts from other hosts
        redoc_url=None,
        lifespan=_make_lifespan(settings, services, opener),
    )
    app.state.startup, app.state.metrics = Startup(), Metrics()
    limit = settings.max_message_chars * BYTES_A_CHARACTER + BYTES_BESIDE
    app.add_middleware(BodyLimit, limit=limit)
    app.add_middleware(RequestObserver, metrics=app.state.metrics)
    add_error_handlers(app)
    app.include_router(conversations.router)
    app.include_router(health.router)
    pages.add_pages(app)
    return app


def _make_lifespan(
    settings: Settings, services: Services | None, opener: Opener
) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def live(app: FastAPI) -> AsyncIterator[None]:
        async with create_task_group() as group:
            if services is None:
                group.start_soon(_hold_open, app, settings, opener)
            else:
                _take(app, services)
                group.start_soon(_finish_pending, app, services)
            yield
            app.state.startup.close()
            group.cancel_scope.cancel()

    return live


async def _hold_open(app: FastAPI, settings: Settings, opener: Opener) -> None:
    startup: Startup = app.state.startup
    try:
        async with opener(settings, startup.pass_check) as services:
            _take(app, services)
            await _finish_pending(app, services)
            await sleep_forever()
    except (FrontdeskError, KnowledgeBaseError) as error:
        startup.fail(str(error))
        log_unexpected(error)
    except Exception as error:  # noqa: BLE001 - the service stays up to say what is wrong
        startup.fail(f"{type(error).__name__}; see the log")
        log_unexpected(error)


def _take(app: FastAPI, services: Services) -> None:
    app.state.turns = Turns(services.ledger, services.assistant, app.state.metrics)
    app.state.startup.finish(services)


async def _finish_pending(app: FastAPI, services: Services) -> None:
    try:
        pending = await to_thread.run_sync(services.ledger.pending_turns)
    except Exception as error:  # noqa: BLE001 - new questions can be answered all the same
        log_unexpected(error)
    else:
        await app.state.turns.finish_all(pending)
