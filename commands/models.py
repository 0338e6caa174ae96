"""`frontdesk models`: what the catalogue holds, and what of it is on this machine."""

from typing import Annotated

import typer
from rich.table import Table

from agent.models.catalogue import Model, UnknownModel, by_role, find, read_catalogue
from agent.models.download import Check, open_roads, pull, verify
from api.settings import Settings, read_settings
from commands.terminal import (
    DataOption,
    Exit,
    JsonOption,
    fail,
    out,
    print_json,
    show_download,
    warn,
)

app = typer.Typer(no_args_is_help=True)
NamesArgument = Annotated[
    list[str] | None, typer.Argument(help="Models by name; what the settings need if none.")
]
MEGABYTE = 1_000_000


@app.command(name="list")
def list_models(*, data: DataOption = None, as_json: JsonOption = False) -> None:
    """List the models that Frontdesk knows, and which are here."""
    settings = read_settings(data=data)
    rows = [_describe(model, settings) for model in read_catalogue()]
    if as_json:
        print_json(rows)
        return
    table = Table("name", "role", "size", "licence", "here", "tested", box=None)
    for row in rows:
        size = f"{int(str(row['size'])) / MEGABYTE:.0f} MB"
        marks = ("yes" if row["present"] else "no", "yes" if row["tested"] else "no")
        table.add_row(str(row["name"]), str(row["role"]), size, str(row["licence"]), *marks)
    out.print(table)


def _describe(model: Model, settings: Settings) -> dict[str, object]:
    folder = settings.cache / "models"
    return {
        "name": model.name,
        "role": model.role,
        "licence": model.licence,
        "size": model.size,
        "sha256": model.sha256,
        "tested": model.tested,
        "present": all(model.locate_file(folder, file).exists() for file in model.files),
        "path": str(model.locate(folder)),
    }


@app.command(name="pull")
def pull_models(
    names: NamesArgument = None, *, data: DataOption = None, as_json: JsonOption = False
) -> None:
    """Fetch models, each file checked by its hash. Interrupted, the same command goes on."""
    settings = read_settings(data=data)
    folder = settings.cache / "models"
    chosen = _choose(names, settings)
    with open_roads() as roads:
        for model in chosen:
            with show_download(model.name, model.size) as progress:
                pull(model, folder, progress, roads)
    if as_json:
        print_json([_describe(model, settings) for model in chosen])
        return
    for model in chosen:
        out.print(f"{model.name}: ready.")


@app.command(name="verify")
def verify_models(
    names: NamesArgument = None, *, data: DataOption = None, as_json: JsonOption = False
) -> None:
    """Hash every file and compare with the catalogue."""
    settings = read_settings(data=data)
    checks = [
        (model, check)
        for model in _choose(names, settings)
        for check in verify(model, settings.cache / "models")
    ]
    if as_json:
        print_json([_explain(model, check) for model, check in checks])
    else:
        for model, check in checks:
            _print_check(model, check)
    if not all(check.state == "right" for _, check in checks):
        raise typer.Exit(Exit.FAILED)


def _explain(model: Model, check: Check) -> dict[str, object]:
    return {
        "model": model.name,
        "path": str(check.path),
        "state": check.state,
        "expected": check.expected,
        "actual": check.actual,
    }


def _print_check(model: Model, check: Check) -> None:
    if check.state == "right":
        out.print(f"{check.path.name}: matches {check.expected[:12]}…")
    elif check.state == "missing":
        warn(f"{check.path}: missing. Get it with `frontdesk models pull {model.name}`.")
    else:
        warn(
            f"{check.path}: its hash is {check.actual}, but the catalogue says {check.expected}. "
            f"Get it anew with `frontdesk models pull {model.name}`."
        )


def _choose(names: list[str] | None, settings: Settings) -> list[Model]:
    try:
        if names:
            return [find(name) for name in names]
        wanted = [] if settings.model_url else [find(settings.model)]
        if settings.small_model and not settings.model_url:
            wanted.append(find(settings.small_model))
        wanted.append(find(settings.embedder) if settings.embedder else by_role("embeddings"))
        return [*wanted, *([find(settings.triage_embedder)] if settings.triage_embedder else [])]
    except UnknownModel as error:
        raise fail(str(error), Exit.WRONG_USAGE) from error
