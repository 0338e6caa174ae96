"""What commands share: where output goes, options, and how errors end."""

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from enum import IntEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.table import Table

out = Console(soft_wrap=True, highlight=False)
err = Console(stderr=True, soft_wrap=True, highlight=False)


class Exit(IntEnum):
    """How a command ended."""

    DONE = 0
    FAILED = 1
    WRONG_USAGE = 2
    DONE_IN_PART = 3


DataOption = Annotated[
    Path | None,
    typer.Option(
        "--data",
        metavar="DIR",
        help="Data folder; FRONTDESK_DATA does the same.",
        show_default="data",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]


def print_json(value: object) -> None:
    """Print a value as JSON on stdout, without colours or wrapping."""
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def fail(message: str, code: Exit = Exit.FAILED) -> typer.Exit:
    """Print an error on stderr and return what is to be raised."""
    err.print(f"[red]Error:[/red] {_plain(message)}")
    return typer.Exit(code)


def warn(message: str) -> None:
    """Print a warning on stderr."""
    err.print(f"[yellow]{_plain(message)}[/yellow]")


def show_table(title: str, rows: Iterable[Sequence[str]]) -> None:
    """Print rows of a name and its values under a title."""
    table = Table(title=_plain(title), title_justify="left", show_header=False, box=None)
    table.padding = (0, 1, 0, 0)  # nine columns have to stand beside each other
    for row in rows:
        table.add_row(*map(_plain, row))
    out.print(table)


def _plain(message: str) -> str:
    return message.replace("[", r"\[")


@contextmanager
def show_stages() -> Iterator[Callable[[str, int, int], None]]:
    """Show stages with a bar on stderr, on a terminal only; yield `notify(stage, done, total)`."""
    told, left = TextColumn("{task.description}"), TimeRemainingColumn()
    columns = (told, BarColumn(), MofNCompleteColumn(), left)
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as progress:
        tasks: dict[str, TaskID] = {}

        def notify(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = progress.add_task(stage, total=total or None)
            progress.update(tasks[stage], completed=done, total=total or None)

        yield notify


@contextmanager
def show_download(name: str, size: int) -> Iterator[Callable[[int, int], None]]:
    """Show a download with size, speed and time left; yield `progress(done, total)`."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=err, disable=not err.is_terminal) as progress:
        task = progress.add_task(name, total=size)
        yield lambda done, total: progress.update(task, completed=done, total=total)


def dump(value: Any) -> Any:  # noqa: ANN401 - whatever JSON can hold
    """Return a pydantic model as what JSON can hold."""
    return value.model_dump(mode="json")
