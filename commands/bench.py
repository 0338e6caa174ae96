"""`frontdesk bench`: how fast it is, and what it takes, beside the plain way on this machine."""

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import anyio
import typer

from api.settings import read_settings
from api.triage import locate_embedder
from commands.terminal import Exit, fail, out, print_json, show_table

app = typer.Typer(no_args_is_help=True)
EFFORTS = ("quick", "balanced")
OWN = "frontdesk"


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


@app.command()
def engine(  # noqa: PLR0913 - options of the command line
    suite: Annotated[Path, typer.Argument(help="Folder of judged cases, whose turns are played.")],
    *,
    peer: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=URL", help="A running server of the same model, to compare."),
    ] = None,
    users: Annotated[
        list[int] | None,
        typer.Option(help="So many customers at once; may be repeated.", show_default="1 and 8"),
    ] = None,
    turns: Annotated[int, typer.Option(min=1, help="Different turns; 32 of 16 are replayed.")] = 16,
    tokens: Annotated[int, typer.Option(min=1, help="Most new tokens a turn.")] = 64,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")] = False,
) -> None:
    """Time the engine with several customers at once, beside other servers of the same model.

    Cold: every turn is new. Zipf: the same turns, some asked often. Servers are started by you;
    docs/engine.md has their command lines.
    """
    peers = dict(_split_peer(each) for each in peer or [])
    result = anyio.run(_bench_engine, suite, peers, users or [1, 8], turns, tokens)
    if as_json:
        print_json(result)
        return
    for name, measured in result["systems"].items():
        show_table(name, _list_loads(measured))
    out.print(f"Machine: {result['machine']}")


def _split_peer(given: str) -> tuple[str, str]:
    name, separator, url = given.partition("=")
    if not separator or name == OWN:
        raise fail(f"--peer {given}: it should be NAME=URL.", Exit.WRONG_USAGE)
    return name, url


async def _bench_engine(
    suite: Path, peers: dict[str, str], users: list[int], count: int, tokens: int
) -> dict[str, Any]:
    from api.assembly import open_chat_model  # noqa: PLC0415 - it takes seconds
    from evals.engine import measure_system, read_turns  # noqa: PLC0415 - as said above
    from evals.provenance import describe_machine  # noqa: PLC0415 - as said above
    from evals.suites import read_suite  # noqa: PLC0415 - as said above

    settings = read_settings()
    turns = read_turns(read_suite(suite), count)
    systems: dict[str, Any] = {}
    # A server that waits costs nothing; a model that is not open takes no memory from it.
    for name, url in [*peers.items(), (OWN, None)]:
        chosen = settings.model_copy(update={"model_url": url})
        async with open_chat_model(chosen) as model:
            systems[name] = await measure_system(model, name, turns, users, tokens)
            sha256 = model.sha256
    return {"machine": describe_machine(), "model_sha256": sha256, "systems": systems}


def _list_loads(measured: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for kind, loads in measured.items():
        for users, each in loads.items():
            yield (
                f"{kind}, {users} at once",
                (
                    f"{each['turns_per_minute']:.1f} turns a minute, "
                    f"{each['tokens_per_second']:.0f} tokens a second, first token "
                    f"p50 {each['ttft_p50_s']:.1f} s, p95 {each['ttft_p95_s']:.1f} s"
                ),
            )


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
