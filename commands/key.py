"""`frontdesk key`: who may use the completions and MCP interfaces."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Literal

import typer
from rich.table import Table

from api.assembly import open_api_keys
from api.settings import read_settings
from api.storage.api_keys import ApiKey, ApiKeyError, ApiKeys
from commands.terminal import DataOption, Exit, JsonOption, err, fail, out, print_json

app = typer.Typer(no_args_is_help=True)
LONGEST_NAME = 100
NameArgument = Annotated[
    str, typer.Argument(help="What the key is for, such as `chat-on-intranet`.")
]


@app.command(name="add")
def add_key(
    name: NameArgument,
    *,
    audience: Annotated[
        Literal["public", "staff"],
        typer.Option(help="Whose articles it reads: customers', or staff's too."),
    ] = "public",
    data: DataOption = None,
) -> None:
    """Make a key and print it; it is not shown again."""
    if not name.strip() or len(name) > LONGEST_NAME or not name.isprintable():
        raise fail(f"The name needs 1 to {LONGEST_NAME} printable characters.", Exit.WRONG_USAGE)
    with _open_keys(data) as keys:
        _, secret = keys.add(name, audience)
    err.print("Keep it now: only its hash is stored, so it cannot be shown again.", style="yellow")
    out.print(secret, markup=False)


@app.command(name="list")
def list_keys(*, data: DataOption = None, as_json: JsonOption = False) -> None:
    """List the keys, revoked ones too; none is shown itself."""
    with _open_keys(data) as keys:
        found = keys.all()
    if as_json:
        print_json([_describe(key) for key in found])
        return
    table = Table("name", "audience", "made", "last used", "revoked", box=None)
    for key in found:
        times = (key.created_at, key.last_used_at, key.revoked_at)
        table.add_row(key.name.replace("[", r"\["), key.audience, *map(_show_time, times))
    out.print(table)


@app.command(name="revoke")
def revoke_key(name: NameArgument, *, data: DataOption = None) -> None:
    """End a key's use, from its next request on."""
    with _open_keys(data) as keys:
        keys.revoke(name)
    out.print("Revoked.")


@contextmanager
def _open_keys(data: DataOption) -> Iterator[ApiKeys]:
    with open_api_keys(read_settings(data=data)) as keys:
        try:
            yield keys
        except ApiKeyError as error:
            raise fail(str(error)) from error


def _describe(key: ApiKey) -> dict[str, object]:
    return {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in asdict(key).items()
    }


def _show_time(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M}" if moment else "–"
