"""The HTTP application."""

import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from anyio import CancelScope, Lock, create_task_group, sleep_forever, to_thread
from fastapi import FastAPI

from agent.errors import FrontdeskError
from api.assembly import Notify, Services, make_id, open_services
from api.desk.app import add_desk
from api.desk.knowledge_pages import WIDER_BODIES
from api.errors import add_error_handlers, log_unexpected
from api.handoffs import Desk
from api.limits import Counts, Throttle, read_limits
from api.live import Live
from api.metrics import Metrics
from api.middleware import BodyLimit, RequestObserver
from api.origins import OriginGate
from api.preparation import Preparation
from api.routes import completions, conversations, health, mcp, models, pages, sites, triage, widget
from api.routes.demo import add_demo
from api.settings import Settings
from api.startup import Startup
from api.storage.articles import read_utc
from api.storage.sites import Site
from api.tickets.jobs import Jobs
from api.turns import Turns
from api.webhooks.background import tell_outside
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
    app.state.changing_model = Lock()
    limit = settings.max_message_chars * BYTES_A_CHARACTER + BYTES_BESIDE
    app.add_middleware(BodyLimit, limit=limit, wider={**WIDER_BODIES, **triage.WIDER_BODIES})
    url = settings.limit_storage_url
    app.state.counts = Counts.open(url.get_secret_value() if url else None)
    app.add_middleware(
        Throttle,
        limits=read_limits(settings.limit_starts, settings.limit_messages, settings.limit_others),
        storage=app.state.counts.storage,
        forwarded=settings.behind_proxy,
    )
    app.add_middleware(OriginGate, list_sites=lambda: _find_sites(app))
    app.add_middleware(RequestObserver, metrics=app.state.metrics)
    add_error_handlers(app)
    app.include_router(conversations.router)
    app.include_router(sites.router)
    app.include_router(health.router)
    app.include_router(completions.router)
    app.include_router(mcp.router)
    app.include_router(models.router)
    app.include_router(triage.router)
    app.include_router(triage.inbound_router)
    pages.add_pages(app)
    add_desk(app, settings)
    if settings.demo:
        add_demo(app)
    widget.add_widget(app)
    return app


def _find_sites(app: FastAPI) -> Callable[[], Sequence[Site]] | None:
    startup: Startup = app.state.startup
    return startup.services.sites.all if startup.ready else None


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
                group.start_soon(_work, app, services)
            yield
            end_streams(app)
            app.state.startup.close()
            group.cancel_scope.cancel()
        await app.state.counts.aclose()

    return live


async def _hold_open(app: FastAPI, settings: Settings, opener: Opener) -> None:
    startup: Startup = app.state.startup
    try:
        async with _close_whole(opener(settings, startup.pass_check)) as services:
            _take(app, services)
            await _work(app, services)
    except (FrontdeskError, KnowledgeBaseError) as error:
        startup.fail(str(error))
        log_unexpected(error)
    except Exception as error:  # noqa: BLE001 - the service stays up to say what is wrong
        startup.fail(f"{type(error).__name__}; see the log")
        log_unexpected(error)


@asynccontextmanager
async def _close_whole(opening: AbstractAsyncContextManager[Services]) -> AsyncIterator[Services]:
    # The end of the lifespan cancels; the model's process still has to be seen off.
    services = await opening.__aenter__()
    try:
        yield services
    finally:
        with CancelScope(shield=True):
            await opening.__aexit__(None, None, None)


def _take(app: FastAPI, services: Services) -> None:
    state, live = app.state, Live(services.happenings, time.monotonic)
    ledger, handoffs, assistant = services.ledger, services.handoffs, services.assistant
    suggestions = services.suggestions

    async def wait_idle() -> None:
        await state.turns.wait_idle()

    preparation = Preparation(ledger, handoffs, suggestions, assistant, live, wait_idle)

    def notice(conversation_id: str) -> None:
        live.wake()
        preparation.ask_for(conversation_id)

    state.live, state.preparation = live, preparation
    state.turns = Turns(ledger, handoffs, assistant, state.metrics, notice)
    state.desk = Desk(ledger, handoffs, suggestions, assistant, live, preparation)
    state.jobs = open_jobs(services)
    state.metrics.watch_model(services.model)
    state.startup.finish(services)


def open_jobs(services: Services) -> Jobs:
    """Return the jobs of the data folder."""
    folder = services.settings.data / "triage" / "jobs"
    return Jobs(folder, services.triager, read_utc, make_id)


def end_streams(app: FastAPI) -> None:
    """End what is followed live."""
    live: Live | None = getattr(app.state, "live", None)
    if live is not None:
        live.close()


async def _work(app: FastAPI, services: Services) -> None:
    """Do what goes on behind the requests; never returns."""
    async with create_task_group() as group:
        group.start_soon(_finish_pending, app, services)
        group.start_soon(app.state.preparation.run)
        group.start_soon(app.state.jobs.run)
        group.start_soon(tell_outside, services, app.state.live, app.state.metrics)
        await sleep_forever()


async def _finish_pending(app: FastAPI, services: Services) -> None:
    try:
        pending = await to_thread.run_sync(services.ledger.pending_turns)
    except Exception as error:  # noqa: BLE001 - new questions can be answered all the same
        log_unexpected(error)
    else:
        await app.state.turns.finish_all(pending)
