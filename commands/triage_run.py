"""One run of `frontdesk triage`: what it opens, shows and leaves behind."""

import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import anyio

from agent.triage.artefacts import Artefact
from agent.triage.cascade import Cascade
from agent.triage.cells import list_columns, pair_cells
from agent.triage.checking import Reject, check
from agent.triage.costs import DRAFTS, Costs
from agent.triage.effort import Effort
from agent.triage.errors import TriageError
from agent.triage.exports import Columns, recognise
from agent.triage.job import BATCH, REJECT_COLUMNS, Files, Judge, Notebook, Pace, Progress, run_job
from agent.triage.reading import open_source
from agent.triage.rows import Source
from agent.triage.tickets import Ticket
from agent.triage.verdicts import Triage
from agent.triage.writing import Cells, Pipe, Table
from api.ports import Assistant
from api.settings import Settings
from api.tickets.drafting import draft_reply
from api.triage import fit_encoders, open_cascade, open_encoders, open_teacher
from commands.terminal import err, out
from commands.triage_shown import show_bar, show_curve, show_mapping, show_ticket, summarise

if TYPE_CHECKING:
    from agent.ports import ChatModel

STDIO = "-"
PREVIEWED = 5
# A ticket that the language model looks at takes seconds: what is done is kept every half minute.
SLOW_BATCH = 16


@dataclass(frozen=True, slots=True)
class Options:
    """What was asked for."""

    source: Path
    output: Path
    rejects: Path
    mapping: dict[str, str]
    encoding: str
    threshold: float | None
    effort: str
    model: bool
    draft: bool
    fresh: bool
    engine: str = "embedded"
    ray_address: str | None = None


@dataclass(frozen=True, slots=True)
class Opened:
    """What the tickets are judged with."""

    cascade: Cascade
    assistant: Assistant | None


@dataclass(frozen=True, slots=True)
class Engine:
    """What a job's tickets are judged by, so many at a time, and what that costs."""

    judge: Judge
    batch: int
    costs: Costs


class Run:
    """Triages one file."""

    def __init__(self, settings: Settings, options: Options, artefact: Artefact) -> None:
        self._settings = settings
        self._options = options
        self._artefact = artefact
        self._labels = [judge.label for judge in artefact.classifier.judges]

    def preview(self) -> None:
        """Show how five rows would be triaged, and what would become of the whole file."""
        with self._open() as (source, columns):
            show_mapping(self._options.source, columns)
            tickets, reasons = _survey(check(row, columns) for row in source.rows)
        anyio.run(self._show, tickets.first)
        show_curve(self._labels[0], self._artefact.card["report"])
        out.print(f"{tickets.count:,} tickets would be triaged.")
        for reason, rows in reasons.items():
            out.print(f"{rows:,} rows would be rejected: {reason}", markup=False)
        out.print("Nothing was written.")

    async def _show(self, tickets: Sequence[Ticket]) -> None:
        async with self._prepare() as opened:
            judged = await self._make_judge(opened)(tickets)
        for ticket, (_, cells) in zip(tickets, judged, strict=True):
            show_ticket(ticket, cells, self._labels)

    def run(self) -> Progress:
        """Triage the whole file, or what is left of it."""
        begun = time.monotonic()
        options = self._options
        refuse_same_files(options)
        files, recipe = self._make_files(), make_recipe(options, self._artefact.version)
        progress = Progress(recipe) if options.fresh else files.notebook.read(recipe)
        if progress.written:
            job = partial(run_job, [], recognise(["text"]), _judge_nothing, files, progress)
            done = anyio.run(job)
        else:
            # Opened outside the event loop: Ctrl-C ends the wait for a stream's first row.
            with self._open() as (source, columns):
                show_mapping(options.source, columns)
                done = anyio.run(self._triage, source, columns, files, progress)
        for line in summarise(done, options.output, options.rejects):
            err.print(line, markup=False)
        err.print(f"This run took {time.monotonic() - begun:.1f} s.")
        return done

    async def _triage(
        self, source: Source, columns: Columns, files: Files, progress: Progress
    ) -> Progress:
        if progress.rows:
            err.print(f"Going on after row {progress.rows:,}.")
        async with self._start() as engine:
            if self._options.fresh:  # not before all that is needed could be opened
                files.forget()
            with show_bar(source, progress.rows) as watch:
                done = await run_job(
                    source.rows,
                    columns,
                    engine.judge,
                    files,
                    progress,
                    watch=watch,
                    pace=Pace(engine.batch, source.is_near),
                    take_costs=engine.costs.take,
                )
        if self._options.fresh and not done.rejected:
            self._options.rejects.unlink(missing_ok=True)  # of a run before
        return done

    @asynccontextmanager
    async def _start(self) -> AsyncIterator[Engine]:
        options = self._options
        if options.engine == "embedded":
            async with self._prepare() as opened:
                batch = SLOW_BATCH if options.model or options.draft else BATCH
                yield Engine(self._make_judge(opened), batch, opened.cascade.costs)
            return
        from api.tickets.cluster import ClusterJudge, describe_workers  # noqa: PLC0415 - it may be absent

        recipe = describe_workers(self._settings, options.effort, options.threshold)
        cluster = ClusterJudge(options.ray_address, self._artefact, recipe)
        try:
            yield Engine(cluster, cluster.batch, cluster.costs)
        finally:
            cluster.close()

    @contextmanager
    def _open(self) -> Iterator[tuple[Source, Columns]]:
        with open_source(self._options.source, encoding=self._options.encoding) as source:
            yield source, recognise(source.header, self._options.mapping)

    def _make_files(self) -> Files:
        columns = list_columns(self._labels, draft=self._options.draft)
        rejects = Table(self._options.rejects, REJECT_COLUMNS)
        if str(self._options.output) == STDIO:
            return Files(Pipe(sys.stdout.buffer, columns), rejects, Notebook(None))
        output = Table(self._options.output, columns)
        notebook = Notebook(output.path.with_name(output.path.name + ".progress"))
        output.refuse_to_replace(notebook.exists() or self._options.fresh)
        return Files(output, rejects, notebook)

    @asynccontextmanager
    async def _prepare(self) -> AsyncIterator[Opened]:
        options = self._options
        async with AsyncExitStack() as stack:
            chooser = assistant = None
            if options.model or options.draft:
                from agent.triage.choosing import ModelChooser  # noqa: PLC0415 - it takes seconds
                from api.assembly import open_chat_model  # noqa: PLC0415 - it takes seconds

                model = await stack.enter_async_context(open_chat_model(self._settings))
                chooser = ModelChooser(model, self._settings.seed) if options.model else None
                assistant = await self._open_assistant(stack, model) if options.draft else None
            effort = Effort(options.effort)
            opened = open_encoders(self._settings, deep=effort is not Effort.QUICK)
            encoders = fit_encoders(self._artefact, opened)
            cascade = open_cascade(
                self._artefact.classifier,
                open_teacher(encoders),
                encoders,
                effort,
                threshold=options.threshold,
                chooser=chooser,
            )
            yield Opened(cascade, assistant)

    async def _open_assistant(self, stack: AsyncExitStack, model: "ChatModel") -> Assistant:
        from agent.checkpoints import make_memory_checkpoints  # noqa: PLC0415 - it takes seconds
        from api.assembly import open_articles, open_assistant, open_search  # noqa: PLC0415 - it takes seconds

        repository = stack.enter_context(open_articles(self._settings))
        found = await stack.enter_async_context(open_search(self._settings, repository))
        return open_assistant(self._settings, model, found, make_memory_checkpoints())

    def _make_judge(self, opened: Opened) -> Judge:
        async def judge(tickets: Sequence[Ticket]) -> list[tuple[Triage, Cells]]:
            rows = pair_cells(tickets, await opened.cascade.triage(tickets))
            if opened.assistant is None:
                return rows
            longest = self._settings.max_message_chars
            with opened.cascade.costs.count(DRAFTS, len(tickets)):
                return [
                    (
                        triage,
                        {**cells, **await draft_reply(opened.assistant, ticket.text[:longest])},
                    )
                    for ticket, (triage, cells) in zip(tickets, rows, strict=True)
                ]

        return judge


def make_recipe(options: Options, version: str) -> dict[str, str]:
    """Return what tells this job from another one that writes to the same place."""
    return {
        "IN": str(options.source),
        "-o": str(options.output),
        "--rejects": str(options.rejects),
        "--map": " ".join(f"{what}={column}" for what, column in sorted(options.mapping.items())),
        "--encoding": options.encoding,
        "--threshold": "" if options.threshold is None else str(options.threshold),
        "--effort": options.effort,
        "--model": "yes" if options.model else "no",
        "--draft": "yes" if options.draft else "no",
        "--version": version,
    }


def refuse_same_files(options: Options) -> None:
    """Raise TriageError where a file would be read and written, or written twice."""
    given = {"IN": options.source, "-o": options.output, "--rejects": options.rejects}
    seen: dict[Path, str] = {}
    for name, path in given.items():
        if str(path) == STDIO:
            continue
        if other := seen.get(path.resolve()):
            raise TriageError(f"{other} and {name} are the same file, {path}; name another.")
        seen[path.resolve()] = name


@dataclass(slots=True)
class Survey:
    """How many tickets a file holds, and the first of them."""

    count: int = 0
    first: list[Ticket] = field(default_factory=list)


def _survey(checked: Iterable[Ticket | Reject]) -> tuple[Survey, Counter[str]]:
    tickets, reasons = Survey(), Counter[str]()
    for each in checked:
        if isinstance(each, Reject):
            reasons[each.reason] += 1
            continue
        tickets.count += 1
        if tickets.count <= PREVIEWED:
            tickets.first.append(each)
    return tickets, reasons


async def _judge_nothing(_: Sequence[Ticket]) -> Sequence[tuple[Triage, Cells]]:
    return []
