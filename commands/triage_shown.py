"""What `frontdesk triage` shows: the mapping, a preview, a bar, and what was done at what cost."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from agent.triage.cells import CONFIDENCE, DRAFT, GUESS, TAIL
from agent.triage.costs import Cost
from agent.triage.exports import Columns
from agent.triage.job import Progress
from agent.triage.rows import Source
from agent.triage.tickets import Ticket
from agent.triage.verdicts import Stage
from agent.triage.writing import Cells
from commands.terminal import err, show_table

STDIO = "-"
QUOTED = 60
RATE_AFTER_S = 0.5


def show_mapping(path: Path, columns: Columns) -> None:
    """Show what was understood of a header."""
    row_id = columns.id or "the row's number"
    err.print(
        f"{path}: {columns.export}; id from {row_id}, text from "
        f"{', '.join(columns.text)}. --map changes that.",
        markup=False,
    )


def show_ticket(ticket: Ticket, cells: Cells, labels: Sequence[str]) -> None:
    """Show what would be written of a ticket."""
    show_table(f"{ticket.id}: {_quote(ticket.text)}", list_cells(cells, labels))


def list_cells(cells: Cells, labels: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield the names and values of a ticket's cells, a draft and its sources among them."""
    for label in labels:
        confidence = cells[label + CONFIDENCE]
        yield (
            label,
            f"{cells[label] or '(a person chooses)'}  {cells[label + GUESS]} {confidence}",
        )
    for name in TAIL:
        yield name, str(cells[name])
    for name in DRAFT:
        if name in cells:
            yield name, str(cells[name] or "(the articles hold no reply)")


def show_curve(label: str, report: dict[str, Any]) -> None:
    """Show what thresholds give, if tickets were held out when the label was learnt."""
    held_out = report["labels"][label]["held_out"]
    if held_out:
        rows = (
            (f"--threshold {least:.2f}", f"decides {share:.0%}, {right:.1%} of these right")
            for share, right, least in held_out["curve"]
        )
        show_table(f"{label}: what a threshold gives, on tickets held out", rows)


@contextmanager
def show_bar(source: Source, start: int) -> Iterator[Callable[[Progress], None]]:
    """Show how far a job is, its rate, the time left and what was escalated, on a terminal only."""
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


def summarise(progress: Progress, output: Path, rejects: Path) -> Iterator[str]:
    """Yield lines: what each stage decided and took, who needs a person, and where it all is."""
    done = progress.rows - progress.rejected
    yield f"{done:,} tickets triaged"
    yield from _list_stages(progress, max(done, 1))
    for reason, rows in progress.persons.items():
        yield f"  a person is needed: {reason}, {rows:,}"
    if str(output) != STDIO:
        yield f"Results: {output}"
    if progress.rejected:
        yield f"{progress.rejected:,} rows were rejected: {rejects}"


def _list_stages(progress: Progress, done: int) -> Iterator[str]:
    for stage in Stage:
        rows, cost = progress.stages.get(stage, 0), progress.costs.get(stage)
        if rows or cost:
            told = f"  {stage:<18}{rows:>9,} rows {rows / done:>7.1%}"
            yield f"{told}{_tell_cost(cost)}" if cost else told
    for name, cost in progress.costs.items():
        if name not in set(Stage):
            yield f"  {name:<18}{'':>22}{_tell_cost(cost)}"


def _tell_cost(cost: Cost) -> str:
    each = 1000 * cost.seconds / max(cost.rows, 1)
    return f" {cost.seconds:>8.1f} s {each:>9.2f} ms a row of {cost.rows:,} looked at"


def _quote(text: str) -> str:
    plain = " ".join(text.split())
    return plain if len(plain) <= QUOTED else plain[:QUOTED] + "…"
