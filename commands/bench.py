"""`frontdesk bench`: how fast it is, and what it takes, beside the plain way on this machine."""

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from api.settings import read_settings
from api.triage import locate_embedder
from commands.bench_agent import agent
from commands.bench_engine import engine
from commands.terminal import Exit, fail, out, print_json, show_table

app = typer.Typer(no_args_is_help=True)
app.command()(agent)
app.command()(engine)
EFFORTS = ("quick", "balanced")


@app.callback()
def group() -> None:
    """How fast it is, and what it takes."""


@app.command()
def triage(
    *,
    train: Annotated[Path, typer.Option(help="Labelled tickets: ticket_id, text, category.")],
    test: Annotated[Path, typer.Option(help="Tickets to sort, with their categories.")],
    large: Annotated[
        list[int] | None,
        typer.Option(help="Also so many rows, killed half-way and resumed; may be repeated."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")] = False,
) -> None:
    """Time `frontdesk triage` and the plain loop over the same tickets, and watch the memory.

    The plain loop: MiniLM in fp32 and a logistic regression. With --large the tickets are
    repeated, each with a reference of its own, so that none is a duplicate.
    """
    from evals.speed import Bench  # noqa: PLC0415 - it takes seconds

    settings = read_settings()
    for path in (train, test):
        if not path.exists():
            raise fail(f"{path}: there is no such file.", Exit.WRONG_USAGE)
    with tempfile.TemporaryDirectory(prefix="frontdesk-bench-") as folder:
        bench = Bench(
            (sys.executable, "-c", "from commands import main; main()"),
            locate_embedder(settings, settings.embedder),
            Path(folder),
            train,
            test,
        )
        result: dict[str, Any] = bench.compare(EFFORTS)
        result["large"] = [bench.run_killed(rows) for rows in large or []]
    if as_json:
        print_json(result)
        return
    show_table("triage · the same tickets, one run", _list_rates(result))
    for each in result["large"]:
        show_table(f"{each['rows']:,} rows, killed half-way", _list_large(each))
    out.print(f"Machine: {result['machine']}")


def _list_rates(result: dict[str, Any]) -> Iterator[tuple[str, str]]:
    plain = result["plain"]
    yield "plain loop", f"{plain['rows_per_s']:,.0f} a second, {plain['accuracy']:.2%} right"
    for name, each in result["triage"].items():
        yield (
            f"triage --effort {name}",
            (
                f"{each['rows_per_s']:,.0f} a second, {each['ratio']:.1f} times; "
                f"{each['accuracy']:.2%} right; {each['start_s']:.1f} s to start; "
                f"peak {each['peak_mib']:,.0f} MiB"
            ),
        )


def _list_large(large: dict[str, Any]) -> Iterator[tuple[str, str]]:
    yield "took", f"{large['seconds']:,.0f} s, {large['rows_per_s']:,.0f} rows a second"
    yield "peak memory", f"{large['peak_mib']:,.0f} MiB, resumed {large['peak_resumed_mib']:,.0f}"
    yield "rows once", f"{large['once']:,}, twice or missing: {large['wrong']:,}"
