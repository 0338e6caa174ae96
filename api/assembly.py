"""Where the parts are put together, for the service and for the command line."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import (
    AbstractAsyncContextManager,
    AsyncExitStack,
    asynccontextmanager,
    contextmanager,
)
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from anyio import sleep, to_thread

from agent.models.memory import Sizes
from agent.ports import ChatModel, Search
from api.auth import read_secret
from api.interop.single_turns import SingleTurns
from api.ports import Assistant
from api.settings import Settings
from api.storage.api_keys import ApiKeys
from api.storage.articles import SqlArticleRepository, read_utc
from api.storage.database import Engine, migrate, open_database
from api.storage.handoffs import Handoffs
from api.storage.happenings import Happenings
from api.storage.ledger import Ledger
from api.storage.presence import Presence
from api.storage.settlements import Settlements
from api.storage.sites import Sites
from api.storage.staff import Staff
from api.storage.suggestions import Suggestions
from api.tickets.triager import Triager
from api.triage import open_triager

if TYPE_CHECKING:
    from agent.models.fleet import Fleet
    from agent.models.local import LocalChatModel
    from agent.ports import Deps
    from api.desk.knowledge import Knowledge
    from knowledge_base.embedding import Embedder
    from knowledge_base.search import KnowledgeBase

# Torch, Chroma and LangGraph take seconds to import. Each function imports what it opens, so that
# a command that needs none of them does not wait for them.
Notify = Callable[[str], None]
REFRESH_S = 5.0
CHECKPOINTS = "checkpoints.sqlite"


@dataclass(frozen=True, slots=True)
class Services:
    """Everything that is open while the service, or a command, runs."""

    settings: Settings
    engine: Engine
    repository: SqlArticleRepository
    ledger: Ledger
    handoffs: Handoffs
    suggestions: Suggestions
    happenings: Happenings
    presence: Presence
    staff: Staff
    sites: Sites
    api_keys: ApiKeys
    knowledge_base: Search
    model: ChatModel
    assistant: Assistant
    single_turns: SingleTurns
    secret: str
    knowledge: "Knowledge"
    triager: Triager
    settlements: Settlements

    def __repr__(self) -> str:
        """Leave the secret out."""
        return "Services(...)"


@asynccontextmanager
async def open_services(
    settings: Settings, notify: Notify = lambda _: None
) -> AsyncIterator[Services]:
    """Open everything, and close it at the end.

    `notify` is called with `migrations`, `index` and `model` as each is ready. Raises
    EmbedderMissing, ModelUnusable, or what the database says.
    """
    async with AsyncExitStack() as stack:
        engine = await to_thread.run_sync(open_storage, settings)
        stack.callback(engine.dispose)
        repository = SqlArticleRepository(engine)
        secret = await to_thread.run_sync(choose_secret, settings)
        notify("migrations")
        found = await stack.enter_async_context(open_search(settings, repository))
        notify("index")
        model = await stack.enter_async_context(open_chat_model(settings))
        await warm_up(model, settings.company)
        notify("model")
        saver = await stack.enter_async_context(open_checkpointer(settings))
        assistant = open_assistant(settings, model, found, saver)
        yield Services(
            settings=settings,
            engine=engine,
            repository=repository,
            ledger=Ledger(engine, read_utc, make_id),
            handoffs=Handoffs(engine, read_utc, make_id),
            suggestions=Suggestions(engine, read_utc, make_id),
            happenings=Happenings(engine),
            presence=Presence(engine, read_utc),
            staff=Staff(engine, read_utc, make_id),
            sites=Sites(engine, read_utc, make_id),
            api_keys=ApiKeys(engine, read_utc, make_id),
            knowledge_base=found.search,
            model=model,
            assistant=assistant,
            single_turns=open_single_turns(settings, model, found),
            secret=secret,
            knowledge=open_knowledge(settings, engine, repository, found),
            triager=open_triager(settings, model),
            settlements=Settlements(engine, read_utc, make_id),
        )


def open_storage(settings: Settings) -> Engine:
    """Open the database and bring its tables up to date; make the data folder if need be."""
    settings.data.mkdir(parents=True, exist_ok=True)
    engine = open_database(settings.database)
    migrate(engine)
    return engine


def choose_secret(settings: Settings) -> str:
    """Return the key that signs tokens: the one that is set, or the data folder's own."""
    return settings.secret.get_secret_value() if settings.secret else read_secret(settings.data)


def make_id() -> str:
    """Return an id that nobody can guess."""
    return uuid4().hex


@dataclass(frozen=True, slots=True)
class Found:
    """The opened knowledge base and the embedder that it was opened with."""

    search: "KnowledgeBase"
    embedder: "Embedder"


@contextmanager
def open_articles(settings: Settings) -> Iterator[SqlArticleRepository]:
    """Open the articles in SQL, for commands that need nothing else."""
    engine = open_storage(settings)
    try:
        yield SqlArticleRepository(engine)
    finally:
        engine.dispose()


@contextmanager
def open_api_keys(settings: Settings) -> Iterator[ApiKeys]:
    """Open the keys of programs, for commands that need nothing else."""
    engine = open_storage(settings)
    try:
        yield ApiKeys(engine, read_utc, make_id)
    finally:
        engine.dispose()


def open_embedder(settings: Settings) -> "Embedder":
    """Load the embedding model; raises EmbedderMissing."""
    from knowledge_base.embedding import SentenceTransformerEmbedder  # noqa: PLC0415 - as said above

    return SentenceTransformerEmbedder(
        settings.cache / "models" / settings.embedder, settings.threads
    )


@contextmanager
def open_knowledge_base(
    settings: Settings, repository: SqlArticleRepository, embedder: "Embedder | None" = None
) -> "Iterator[KnowledgeBase]":
    """Open the index, building it if need be; it takes the thread that calls."""
    from knowledge_base.search import KnowledgeBase  # noqa: PLC0415 - as said above

    opened = KnowledgeBase(repository, embedder or open_embedder(settings), settings.index_root)
    try:
        opened.open()
        yield opened
    finally:
        opened.close()


@asynccontextmanager
async def open_search(settings: Settings, repository: SqlArticleRepository) -> AsyncIterator[Found]:
    """Open the index in another thread, and move on to newer ones as imports finish."""
    embedder = await to_thread.run_sync(open_embedder, settings)
    opening = open_knowledge_base(settings, repository, embedder)
    opened = await to_thread.run_sync(opening.__enter__)
    await to_thread.run_sync(embedder.encode, ["warm up"])  # it loads at its first use
    refreshing = asyncio.create_task(_keep_fresh(opened))
    try:
        yield Found(opened, embedder)
    finally:
        refreshing.cancel()
        opening.__exit__(None, None, None)


def open_knowledge(
    settings: Settings, engine: Engine, repository: SqlArticleRepository, found: Found
) -> "Knowledge":
    """Put together what the desk's pages about articles and numbers use."""
    from api.desk.knowledge import make_knowledge  # noqa: PLC0415 - as said above
    from api.desk.library import Library  # noqa: PLC0415 - as said above
    from knowledge_base.embedding import ThreadedEncoder  # noqa: PLC0415 - as said above

    root, refresh = settings.index_root, found.search.refresh
    library = Library(repository, found.embedder, root, refresh)
    # An encoder of its own: it remembers questions, which passages' sentences must not push out.
    encoder = ThreadedEncoder(found.embedder)
    return make_knowledge(engine, found.search, encoder, library, read_utc)


@asynccontextmanager
async def open_chat_model(settings: Settings) -> AsyncIterator[ChatModel]:
    """Open the embedded model, or the one at `model_url`; ready when this is entered."""
    async with _open_remote(settings) if settings.model_url else _open_local(settings) as model:
        yield model


def read_sizes(settings: Settings, sha256: str) -> Sizes:
    """Return how much the embedded model with that hash may take."""
    return Sizes(
        context_tokens=settings.context_tokens,
        threads=settings.threads,
        sequences=settings.sequences,
        cells=settings.cells,
        prefix_bytes=settings.prefix_mib * 2**20,
        disk_bytes=settings.prefix_disk_mib * 2**20,
        folder=settings.data.resolve() / "prefixes" / sha256[:16],
    )


@asynccontextmanager
async def _open_local(settings: Settings) -> AsyncIterator["Fleet"]:
    """Open the embedded model, and then the small one: its memory is counted beside the first."""
    from agent.models.fleet import Fleet  # noqa: PLC0415 - as said above

    names = [name for name in (settings.model, settings.small_model) if name]
    async with AsyncExitStack() as stack:
        models = []
        for name in names:
            models.append(await start_embedded(settings, name))
            stack.push_async_callback(models[-1].aclose)
        fleet = Fleet(*models)
        stack.pop_all()  # they are the fleet's now
        stack.push_async_callback(fleet.aclose)
        yield fleet


async def start_embedded(settings: Settings, name: str) -> "LocalChatModel":
    """Return a model of the catalogue, loaded; the caller closes it.

    Raises UnknownModel or ModelUnusable.
    """
    from agent.models.catalogue import find  # noqa: PLC0415 - as said above
    from agent.models.download import ensure_verified  # noqa: PLC0415 - as said above
    from agent.models.local import LocalChatModel  # noqa: PLC0415 - as said above

    entry = find(name)
    model = LocalChatModel(
        await to_thread.run_sync(ensure_verified, entry, settings.cache / "models"),
        entry.name,
        entry.sha256,
        sizes=read_sizes(settings, entry.sha256),
        clock=time,
    )
    try:
        await model.start()
    except BaseException:
        await model.aclose()
        raise
    return model


@asynccontextmanager
async def _open_remote(settings: Settings) -> AsyncIterator[ChatModel]:
    import httpx2  # noqa: PLC0415 - as said above

    from agent.models.remote import RemoteChatModel  # noqa: PLC0415 - as said above

    url, name = str(settings.model_url), settings.model_name or settings.model
    key = settings.model_key.get_secret_value() if settings.model_key else ""
    async with httpx2.AsyncClient() as client:
        yield RemoteChatModel(url, name, key, client, context_tokens=settings.context_tokens)


async def warm_up(model: ChatModel, company: str) -> None:
    """Leave behind the state of what every answer's prompt begins with."""
    from agent.prompting import build_warm_up  # noqa: PLC0415 - as said above

    async for _ in model.stream(build_warm_up(company)):
        pass


def open_checkpointer(settings: Settings) -> AbstractAsyncContextManager[Any]:
    """Open what the graph keeps its conversations in: a file beside SQLite's, or PostgreSQL."""
    from agent import checkpoints  # noqa: PLC0415 - as said above

    if settings.database.startswith("sqlite"):
        return checkpoints.open_sqlite_checkpoints(str(settings.data / CHECKPOINTS))
    return checkpoints.open_postgres_checkpoints(settings.database.replace("+psycopg", "", 1))


def open_assistant(
    settings: Settings,
    model: ChatModel,
    found: Found,
    checkpointer: Any,  # noqa: ANN401 - LangGraph's saver, which only the agent may name
) -> Assistant:
    """Put the agent together."""
    from agent.assistant import Assistant as Agent  # noqa: PLC0415 - as said above

    return Agent(build_deps(settings, model, found), checkpointer)


def open_single_turns(settings: Settings, model: ChatModel, found: Found) -> SingleTurns:
    """Put an agent together that keeps no conversation."""
    from agent.checkpoints import make_memory_checkpoints  # noqa: PLC0415 - as said above

    saver = make_memory_checkpoints()
    assistant = open_assistant(settings, model, found, saver)
    return SingleTurns(assistant, saver.delete_thread, make_id)


def build_deps(settings: Settings, model: ChatModel, found: Found) -> "Deps":
    """Gather what the agent uses."""
    from agent.decision.calibration import Calibration  # noqa: PLC0415 - as said above
    from agent.decision.decider import Decider  # noqa: PLC0415 - as said above
    from agent.language.detection import LinguaDetector  # noqa: PLC0415 - as said above
    from agent.ports import Deps  # noqa: PLC0415 - as said above
    from agent.screening.screener import Screener  # noqa: PLC0415 - as said above
    from agent.verification.verifier import Verifier  # noqa: PLC0415 - as said above
    from knowledge_base.embedding import ThreadedEncoder  # noqa: PLC0415 - as said above

    return Deps(
        model=model,
        search=found.search,
        encoder=ThreadedEncoder(found.embedder),
        decider=Decider.load(),
        screener=Screener.load(),
        verifier=Verifier([settings.company]),
        languages=LinguaDetector(),
        calibration=Calibration.load(),
        clock=time,
        company=settings.company,
        seed=settings.seed,
    )


@asynccontextmanager
async def open_one_off_assistant(settings: Settings) -> AsyncIterator[Assistant]:
    """Open an assistant for one question: it keeps no conversation."""
    from agent.checkpoints import make_memory_checkpoints  # noqa: PLC0415 - as said above

    async with AsyncExitStack() as stack:
        repository = stack.enter_context(open_articles(settings))
        found = await stack.enter_async_context(open_search(settings, repository))
        model = await stack.enter_async_context(open_chat_model(settings))
        yield open_assistant(settings, model, found, make_memory_checkpoints())


async def _keep_fresh(opened: "KnowledgeBase") -> None:
    while True:
        await sleep(REFRESH_S)
        await to_thread.run_sync(opened.refresh)
