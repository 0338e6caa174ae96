"""`frontdesk train`: learn from what people decided."""

import hashlib
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from api.settings import Settings, read_settings
from api.triage import open_encoders, open_shelf, open_teacher
from commands.terminal import (
    DataOption,
    Exit,
    JsonOption,
    fail,
    out,
    print_json,
    show_stages,
    show_table,
    warn,
)

if TYPE_CHECKING:
    from agent.triage.tickets import Labelled

app = typer.Typer(no_args_is_help=True)
SEED = 20261124
SHOWN = 5
MapOption = Annotated[
    list[str] | None,
    typer.Option("--map", metavar="WHAT=COLUMN", help="Which column holds what; may be repeated."),
]
EncodingOption = Annotated[
    str, typer.Option("--encoding", help="The file's encoding, such as cp1252.")
]
ENCODING = "utf-8-sig"


@app.callback()
def group() -> None:
    """Learn from what people decided."""


@app.command()
def triage(  # noqa: PLR0913 - options of the command line
    history: Annotated[
        Path | None,
        typer.Argument(help="Tickets with labels: CSV, JSONL or Parquet.", metavar="[HISTORY]"),
    ] = None,
    *,
    label: Annotated[
        list[str] | None,
        typer.Option("--label", help="A column to learn; may be repeated. The first is the scope."),
    ] = None,
    categories: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Names and descriptions of the first label's values."),
    ] = None,
    settled: Annotated[
        bool, typer.Option(help="Learn from what persons settled at the desk as well.")
    ] = False,
    mapping: MapOption = None,
    encoding: EncodingOption = ENCODING,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Train a classifier of tickets, and say how well it does on tickets held out."""
    from agent.triage.cells import refuse_taken  # noqa: PLC0415 - it takes seconds
    from agent.triage.training import History, train  # noqa: PLC0415 - it takes seconds
    from commands.labelled import read_descriptions, read_labelled  # noqa: PLC0415 - it takes seconds

    if history is None and categories is None and not settled:
        raise fail(
            "Give a HISTORY of labelled tickets, --categories, --settled, or several of them.",
            Exit.WRONG_USAGE,
        )
    labels = tuple(dict.fromkeys(label or ["category"]))
    refuse_taken(labels)  # before minutes of reading
    settings = read_settings(data=data)
    described = {labels[0]: read_descriptions(categories)} if categories else {}
    tickets: list[Labelled] = []
    left_out = 0
    if history:
        tickets, columns, left_out = read_labelled(history, labels, read_map(mapping), encoding)
        out_of = ", ".join(columns.text)
        if not as_json:
            out.print(f"{history}: {columns.export}, text from {out_of}.", markup=False)
    chosen = _read_settled(settings, labels) if settled else []
    tickets += chosen
    encoders = open_encoders(settings)
    if encoders.thorough is None and settings.triage_embedder:
        name = settings.triage_embedder
        warn(f"Training without {name}; `frontdesk models pull {name}` makes it more accurate.")
    with show_stages() as notify:
        classifier, report = train(
            History(tickets, labels, described),
            encoders,
            open_teacher(encoders),
            seed=SEED,
            notify=notify,
        )
    card = {
        "history": _describe_file(history),
        "categories": _describe_file(categories),
        "rows_left_out": left_out,
        "settled": len(chosen),
        "embedders": {
            "quick": encoders.quick.name,
            "thorough": encoders.thorough.name if encoders.thorough else None,
        },
        "report": report,
    }
    saved = open_shelf(settings).save(classifier, card, datetime.now(UTC))
    if as_json:
        print_json(saved.card)
        return
    for name, learnt in report["labels"].items():
        _print_report(name, learnt)
    out.print(f"Version {saved.version} of {report['trained_on']} tickets is now the current one.")


def _read_settled(settings: Settings, labels: Sequence[str]) -> list["Labelled"]:
    from agent.triage.tickets import Labelled  # noqa: PLC0415 - it takes seconds
    from api.assembly import make_id, open_storage  # noqa: PLC0415 - it takes seconds
    from api.storage.articles import read_utc  # noqa: PLC0415 - it takes seconds
    from api.storage.settlements import Settlements  # noqa: PLC0415 - it takes seconds

    engine = open_storage(settings)
    try:
        rows = Settlements(engine, read_utc, make_id).list_tickets()
    finally:
        engine.dispose()
    return [Labelled(text, chosen) for text, chosen in rows if set(chosen) & set(labels)]


def read_map(pairs: list[str] | None) -> dict[str, str]:
    """Return what `--map WHAT=COLUMN` says."""
    for pair in pairs or []:
        if "=" not in pair:
            raise fail(f"--map {pair}: it should be WHAT=COLUMN.", Exit.WRONG_USAGE)
    return dict(pair.split("=", 1) for pair in pairs or [])


def _describe_file(path: Path | None) -> dict[str, Any] | None:
    if path is None:
        return None
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {"name": path.name, "size": path.stat().st_size, "sha256": digest}


def _print_report(label: str, learnt: dict[str, Any]) -> None:
    held_out = learnt["held_out"]
    if held_out is None:
        out.print(f"{label}: {len(learnt['categories'])} categories; too few tickets to hold out.")
        return
    title = f"{label}: {len(learnt['categories'])} categories, {held_out['n']} tickets held out"
    show_table(title, _list_figures(held_out))
    rows = (
        (f"surest {share:.0%}", f"{right:.1%}  from {least:.2f} on")
        for share, right, least in held_out["curve"]
    )
    show_table("accuracy by coverage", rows)
    worst = held_out["confusions"][:SHOWN]
    show_table(
        "most often confused",
        ((each["true"], f"taken for {each['taken_for']}, {each['rows']} times") for each in worst),
    )


def _list_figures(held_out: dict[str, Any]) -> Iterator[tuple[str, str]]:
    low, high = held_out["accuracy_interval"]
    yield "accuracy", f"{held_out['accuracy']:.1%}  (95 % from {low:.1%} to {high:.1%})"
    yield "macro-F1", f"{held_out['macro_f1']:.3f}"
    yield "calibration error", f"{held_out['ece']:.3f}"
