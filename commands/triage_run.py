"""One run of `frontdesk triage`: what it opens, shows and leaves behind."""

import hashlib
import json
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from agent.triage.artefacts import Artefact
from agent.triage.cascade import Cascade
from agent.triage.cells import list_columns, pair_cells, to_cells
from agent.triage.checking import Reject, check
from agent.triage.effort import Effort
from agent.triage.errors import TriageError
from agent.triage.exports import Columns, recognise
from agent.triage.job import BATCH, REJECT_COLUMNS, Files, Judge, Notebook, Progress, run_job
from agent.triage.reading import open_source
from agent.triage.rows import Source
from agent.triage.tickets import Ticket
from agent.triage.verdicts import Stage, Triage
from agent.triage.writing import Cells, Pipe, Table
from api.ports import Assistant
from api.settings import Settings
from api.tickets.drafting import draft_reply
from api.triage import fit_encoders, open_cascade, open_encoders, open_teacher
from commands.terminal import err, out, show_table

if TYPE_CHECKING:
    from agent.ports import ChatModel

STDIO = "-"
PREVIEWED = 5
QUOTED = 60
RATE_AFTER_S = 0.5
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
    """What a job's tickets are judged by, so many at a time; a cascade if it is here."""

    judge: Judge
    batch: int
    cascade: Cascade | None = None


class Run:
    """Triages one file."""

    def __init__(self, settings: Settings, options: Options, artefact: Artefact) -> None:
        self._settings = settings
        self._options = options
        self._artefact = artefact
        self._labels = [judge.label for judge in artefact.classifier.judges]

    async def preview(self) -> None:
        """Show how five rows would be triaged, and what would become of the whole file."""
        with self._open() as (source, columns):
            self._show_mapping(columns)
            tickets, reasons = _survey(check(row, columns) for row in source.rows)
        async with self._prepare() as opened:
            shown = tickets.first
            for ticket, triage in zip(shown, await opened.cascade.triage(shown), strict=True):
                cells = to_cells(ticket, triage)
                show_table(f"{ticket.id}: {_quote(ticket.text)}", _list_cells(cells, self._labels))
        self._show_curve()
        out.print(f"{tickets.count:,} tickets would be triaged.")
        for reason, rows in reasons.items():
            out.print(f"{rows:,} rows would be rejected: {reason}", markup=False)
        out.print("Nothing was written.")

    async def run(self) -> Progress:
        """Triage the whole file, or what is left of it."""
        begun = time.monotonic()
        refuse_same_files(self._options)
        files, recipe = self._make_files(), self._make_recipe()
        progress = Progress(recipe) if self._options.fresh else files.notebook.read(recipe)
        if progress.written:
            return await run_job([], recognise(["text"]), _judge_nothing, files, progress)
        async with AsyncExitStack() as stack:
            source, columns = stack.enter_context(self._open())
            self._show_mapping(columns)
            if progress.rows:
                err.print(f"Going on after row {progress.rows:,}.")
            engine = await stack.enter_async_context(self._start())
            if self._options.fresh:  # not before all that is needed could be opened
                files.forget()
            with _show_bar(source, progress.rows) as watch:
                done = await run_job(
                    source.rows,
                    columns,
                    engine.judge,
                    files,
                    progress,
                    watch=watch,
                    batch=engine.batch,
                )
            if self._options.fresh and not done.rejected:
                self._options.rejects.unlink(missing_ok=True)  # of a run before
            for line in _summarise(done, engine.cascade, time.monotonic() - begun, self._options):
                err.print(line, markup=False)
        return done

    @asynccontextmanager
    async def _start(self) -> AsyncIterator[Engine]:
        options = self._options
        if options.engine == "embedded":
            async with self._prepare() as opened:
                batch = SLOW_BATCH if options.model or options.draft else BATCH
                yield Engine(self._make_judge(opened), batch, opened.cascade)
            return
        from api.tickets.cluster import ClusterJudge, make_recipe  # noqa: PLC0415 - it may be absent

        recipe = make_recipe(self._settings, options.effort, options.threshold)
        cluster = ClusterJudge(options.ray_address, self._artefact, recipe)
        try:
            yield Engine(cluster, cluster.batch)
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

    def _make_recipe(self) -> str:
        """Return what tells this job from another one that writes to the same place."""
        told = {name: str(value) for name, value in asdict(self._options).items()}
        for name in ("fresh", "engine", "ray_address"):
            del told[name]
        told["version"] = self._artefact.version
        return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()

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

    def _make_judge(self, opened: Opened) -> Any:  # noqa: ANN401 - a job's judge
        async def judge(tickets: Sequence[Ticket]) -> list[tuple[Triage, Cells]]:
            rows = pair_cells(tickets, await opened.cascade.triage(tickets))
            if opened.assistant is None:
                return rows
            longest = self._settings.max_message_chars
            return [
                (triage, {**cells, **await draft_reply(opened.assistant, ticket.text[:longest])})
                for ticket, (triage, cells) in zip(tickets, rows, strict=True)
            ]

        return judge

    def _show_mapping(self, columns: Columns) -> None:
        row_id = columns.id or "the row's number"
        err.print(
            f"{self._options.source}: {columns.export}; id from {row_id}, text from "
            f"{', '.join(columns.text)}. --map changes that.",
            markup=False,
        )

    def _show_curve(self) -> None:
        label = self._labels[0]
        held_out = self._artefact.card["report"]["labels"][label]["held_out"]
        if held_out:
            rows = (
                (f"--threshold {least:.2f}", f"decides {share:.0%}, {right:.1%} of these right")
                for share, right, least in held_out["curve"]
            )
            show_table(f"{label}: what a threshold gives, on tickets held out", rows)


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


def _quote(text: str) -> str:
    plain = " ".join(text.split())
    return plain if len(plain) <= QUOTED else plain[:QUOTED] + "…"


def _list_cells(cells: Cells, labels: Sequence[str]) -> Iterator[tuple[str, str]]:
    for label in labels:
        confidence = cells[f"{label}_confidence"]
        yield (
            label,
            f"{cells[label] or '(a person chooses)'}  {cells[f'{label}_guess']} {confidence}",
        )
    for name in ("stage", "why", "needs_person", "language", "sentiment"):
        yield name, str(cells[name])


@contextmanager
def _show_bar(source: Source, start: int) -> Iterator[Any]:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[told]}"),
    )
    begun = time.monotonic()
    with Bar(*columns, console=err, transient=True, disable=not err.is_terminal) as bar:
        task = bar.add_task("triage", total=None, told="")

        def watch(progress: Progress) -> None:
            rate = (progress.rows - start) / max(time.monotonic() - begun, RATE_AFTER_S)
            escalated = progress.stages.get(Stage.PERSON, 0)
            told = f"{progress.rows:,} rows, {rate:,.0f}/s, {escalated:,} for a person"
            share = source.share()
            total = progress.rows / share if share else None
            bar.update(task, completed=progress.rows, total=total, told=told)

        yield watch


def _summarise(
    progress: Progress, cascade: Cascade | None, seconds: float, options: Options
) -> Iterator[str]:
    done = progress.rows - progress.rejected
    yield f"{done:,} tickets triaged; this run took {seconds:.1f} s"
    for stage in Stage:
        if rows := progress.stages.get(stage, 0):
            yield f"  {stage:<10} {rows:>8,} rows  {rows / max(done, 1):>6.1%}"
    if cascade:
        yield f"  classifying took {cascade.seconds_classifying:.1f} s"
    if cascade and cascade.seconds_asking:
        yield f"  asking the language model took {cascade.seconds_asking:.1f} s"
    for reason, rows in progress.persons.items():
        yield f"  a person is needed: {reason}, {rows:,}"
    if str(options.output) != STDIO:
        yield f"Results: {options.output}"
    if progress.rejected:
        yield f"{progress.rejected:,} rows were rejected: {options.rejects}"
