"""`frontdesk triage`: a file of tickets in, every ticket routed, with reasons."""

from pathlib import Path
from typing import Annotated

import typer

from api.settings import read_settings
from api.triage import open_shelf
from commands.terminal import DataOption, Exit, err, fail
from commands.train import ENCODING, EncodingOption, MapOption, read_map

STDIO, RAY = "-", "ray"
ENGINES = ("embedded", RAY)


def triage(  # noqa: PLR0913 - options of the command line
    source: Annotated[
        Path, typer.Argument(metavar="IN", help="CSV, JSONL or Parquet, also .gz; - is stdin.")
    ],
    *,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="OUT", help="Results; - is stdout.")
    ] = None,
    rejects: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Rows that hold no ticket.", show_default="OUT.rejects.csv"
        ),
    ] = None,
    mapping: MapOption = None,
    encoding: EncodingOption = ENCODING,
    threshold: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="Least confidence to decide; more of it, fewer decided."),
    ] = None,
    effort: Annotated[
        str,
        typer.Option(
            help="quick, balanced or thorough: the larger embedder never, in doubt, always."
        ),
    ] = "balanced",
    model: Annotated[
        bool, typer.Option("--model/--no-model", help="Ask the language model about doubtful ones.")
    ] = False,
    draft: Annotated[bool, typer.Option(help="Draft replies, with sources.")] = False,
    engine: Annotated[
        str, typer.Option(help="embedded: this machine; ray: a Ray cluster.")
    ] = "embedded",
    ray_address: Annotated[
        str | None,
        typer.Option(metavar="HOST:PORT", help="The Ray cluster.", show_default="one of its own"),
    ] = None,
    dry_run: Annotated[bool, typer.Option(help="Show five rows and what would happen.")] = False,
    fresh: Annotated[bool, typer.Option(help="Begin anew; replace what is there.")] = False,
    version: Annotated[
        str | None, typer.Option(help="A trained version.", show_default="the current one")
    ] = None,
    data: DataOption = None,
) -> None:
    """Triage a file of tickets. Interrupted, the same command goes on; exit 3 if rows were bad."""
    if output is None and not dry_run:
        raise fail("Say where the results go: -o OUT, or - for stdout.", Exit.WRONG_USAGE)
    from agent.triage.effort import Effort  # noqa: PLC0415 - it takes seconds
    from commands.triage_run import Options, Run  # noqa: PLC0415 - it takes seconds

    if effort not in set(Effort):
        raise fail(f"--effort {effort}: quick, balanced or thorough.", Exit.WRONG_USAGE)
    if engine not in ENGINES:
        raise fail(f"--engine {engine}: embedded or ray.", Exit.WRONG_USAGE)
    if engine == RAY and (model or draft):
        raise fail("--model and --draft need the embedded engine.", Exit.WRONG_USAGE)
    settings = read_settings(data=data)
    target = output or Path(STDIO)
    options = Options(
        source,
        target,
        rejects or _name_rejects(target),
        read_map(mapping),
        encoding,
        threshold,
        effort,
        model,
        draft,
        fresh,
        engine,
        ray_address,
    )
    artefact = open_shelf(settings).load(version)
    run = Run(settings, options, artefact)
    if dry_run:
        run.preview()
        return
    try:
        rejected = run.run().rejected
    except KeyboardInterrupt:  # Typer would end without a word
        if target != Path(STDIO):
            err.print("Stopped. The same command goes on from here.")
        raise
    if rejected:
        raise typer.Exit(Exit.DONE_IN_PART)


def _name_rejects(output: Path) -> Path:
    if str(output) == STDIO:
        return Path("triage.rejects.csv")
    return output.with_name(f"{output.name}.rejects.csv")
