"""What a run of an evaluation opens, and what becomes of its result."""

import asyncio
import hashlib
import json
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from api.assembly import Found, build_deps, open_chat_model, open_embedder
from api.settings import Settings, read_settings
from commands.terminal import Exit, err, fail, out, show_stages, show_table
from evals.errors import EvalError

if TYPE_CHECKING:
    from agent.ports import ChatModel, Deps
    from evals.journal import Journal
    from evals.provenance import Provenance
    from evals.suites import Suite
    from knowledge_base.articles import Article, Passage
    from knowledge_base.embedding import Embedder
    from knowledge_base.search import KnowledgeBase

# Torch, Chroma and scikit-learn take seconds to import: each function imports what it runs.
Progress = Callable[[int, int], None]
Notify = Callable[[str, int, int], None]
Result = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Choices:
    """What was asked for, whatever is evaluated."""

    limit: int | None = None
    json_file: Path | None = None
    html_file: Path | None = None
    results: bool | None = None
    fresh: bool = False


@dataclass(frozen=True, slots=True)
class Engine:
    """What every evaluation works with, whatever its articles are."""

    settings: Settings
    embedder: "Embedder"
    model: "ChatModel"
    notify: Notify
    provenance: "Provenance"

    @property
    def cache(self) -> Path:
        """Where journals, indexes and reports are kept."""
        return self.settings.cache / "evals"


@dataclass(frozen=True, slots=True)
class Subject:
    """The agent on one set of articles."""

    deps: "Deps"
    knowledge_base: "KnowledgeBase"
    passages: "dict[str, tuple[Passage, ...]]"


Evaluate = Callable[["Suite", Subject, "Journal", Progress], Awaitable[Result]]


def run_on_suite(kind: str, folder: Path, choices: Choices, evaluate: Evaluate) -> None:
    """Read a suite, evaluate the agent on it, and keep the result as was asked for."""
    from evals.suites import read_suite  # noqa: PLC0415 - as said above

    async def run(settings: Settings) -> Result:
        suite = read_suite(folder)
        async with open_engine(settings) as engine:
            with (
                open_subject(engine, suite.articles) as subject,
                open_journal(engine, kind, suite.sha256, choices) as journal,
            ):
                measured = await evaluate(suite, subject, journal, name_progress(engine, kind))
            return frame(kind, suite.name, suite.sha256, engine, measured)

    run_to_the_end(run, choices)


def run_to_the_end(run: Callable[[Settings], Awaitable[Result]], choices: Choices) -> None:
    """Run an evaluation, print its figures and write what was asked for."""
    settings = read_settings()

    async def start() -> Result:
        return await run(settings)

    with explain():
        keep(asyncio.run(start()), choices, settings)


@asynccontextmanager
async def open_engine(settings: Settings) -> AsyncIterator[Engine]:
    """Open models, with a bar on stderr."""
    async with AsyncExitStack() as stack:
        notify = stack.enter_context(show_stages())
        embedder = open_embedder(settings)
        model = await stack.enter_async_context(open_chat_model(settings))
        yield Engine(settings, embedder, model, notify, _describe(model, embedder))


def _describe(model: "ChatModel", embedder: "Embedder") -> "Provenance":
    """Note at the start what runs: the files may be others by the end."""
    from evals.provenance import read_provenance  # noqa: PLC0415 - as said above
    from prompts import read_version  # noqa: PLC0415 - as said above

    return read_provenance(
        model=model.name,
        model_sha256=model.sha256,
        embedder=embedder.fingerprint,
        prompt_version=read_version(),
        now=datetime.now(UTC),
        command=["frontdesk", *sys.argv[1:]],
    )


@contextmanager
def open_subject(engine: Engine, articles: "Sequence[Article]") -> Iterator[Subject]:
    """Open the agent on these articles and no others."""
    from evals.index import open_index, split_articles  # noqa: PLC0415 - as said above

    progress = name_progress(engine, "embedding")
    with open_index(articles, engine.embedder, engine.cache / "indexes", progress) as opened:
        deps = build_deps(engine.settings, engine.model, Found(opened, engine.embedder))
        yield Subject(deps, opened, split_articles(articles, engine.embedder))


def open_journal(engine: Engine, kind: str, suite_sha256: str, choices: Choices) -> "Journal":
    """Open the journal of a run: a change of code, model or suite begins another."""
    from evals.journal import Journal  # noqa: PLC0415 - as said above

    made, settings = engine.provenance, engine.settings
    models = (made.model, made.model_sha256, str(engine.model.context_tokens), made.embedder)
    parts = (kind, suite_sha256, *models, str(settings.seed), settings.company, made.source_sha256)
    path = engine.cache / f"{kind}-{hashlib.sha256(chr(31).join(parts).encode()).hexdigest()}.jsonl"
    if choices.fresh:
        path.unlink(missing_ok=True)
    journal = Journal(path)
    if journal.records:
        err.print(f"Going on: {len(journal.records)} cases are done (--fresh begins anew).")
    return journal


def name_progress(engine: Engine, stage: str) -> Progress:
    """Return a progress that reports as one stage."""
    return lambda done, total: engine.notify(stage, done, total)


def frame(kind: str, suite: str, sha256: str, engine: Engine, measured: Result) -> Result:
    """Return the result with what it was made from."""
    head = {"kind": kind, "suite": suite, "suite_sha256": sha256}
    return head | {"provenance": asdict(engine.provenance)} | measured | {"kind": kind}


def keep(result: Result, choices: Choices, settings: Settings) -> None:
    """Print the figures; write the JSON, the report and RESULTS.md."""
    from evals.report import write_report  # noqa: PLC0415 - as said above
    from evals.results import RESULTS, list_rows, write_results  # noqa: PLC0415 - as said above

    show_table(f"{result['kind']} · {result['suite']} · {result['n']} cases", list_rows(result))
    if choices.json_file:
        write_json(result, choices.json_file)
    name = f"{result['kind']}-{result['suite']}.html"
    report = choices.html_file or settings.cache / "evals" / "reports" / name
    report.parent.mkdir(parents=True, exist_ok=True)
    write_report(result, report)
    out.print(f"Report: {report}")
    if _is_for_results(choices, RESULTS):
        write_results(result)
        out.print(f"Figures: {RESULTS}")


def _is_for_results(choices: Choices, path: Path) -> bool:
    if choices.results is not None:
        return choices.results
    return choices.limit is None and (path.parent.parent / ".git").exists()


def write_json(result: Result, path: Path) -> None:
    """Write a result; raises EvalError where that cannot be done."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(result, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise EvalError(f"{path} cannot be written: {error}.") from error


@contextmanager
def explain() -> Iterator[None]:
    """Turn what an evaluation can't go on with into one line and exit code 2."""
    try:
        yield
    except EvalError as error:
        raise fail(str(error), Exit.WRONG_USAGE) from error
