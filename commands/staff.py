"""`frontdesk staff`: who works at the desk."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from email_validator import EmailNotValidError, validate_email
from rich.table import Table

from api.assembly import make_id, open_storage
from api.settings import read_settings
from api.storage.articles import read_utc
from api.storage.staff import Member, Staff, StaffError
from commands.terminal import DataOption, Exit, JsonOption, fail, out, print_json

app = typer.Typer(no_args_is_help=True)
SHORTEST = 10

EmailArgument = Annotated[str, typer.Argument(help="The address they log in with.")]
FromStdin = Annotated[
    bool, typer.Option("--password-stdin", help="Read the password from standard input.")
]


@app.command()
def add(
    email: EmailArgument,
    name: Annotated[str, typer.Option(help="The name that customers see.", prompt=True)],
    *,
    admin: Annotated[bool, typer.Option("--admin", help="May see to sites and articles.")] = False,
    password_stdin: FromStdin = False,
    data: DataOption = None,
) -> None:
    """Add somebody; the password is asked for."""
    address, given = _check_email(email), _read_password(from_stdin=password_stdin)
    with _open_staff(data) as staff:
        added = staff.add(address, name.strip(), given, "admin" if admin else "agent")
    out.print(f"{added.name} can log in at /desk as {added.email} ({added.role}).")


@app.command(name="list")
def list_staff(*, data: DataOption = None, as_json: JsonOption = False) -> None:
    """List everybody."""
    with _open_staff(data) as staff:
        everybody = [_describe(member) for member in staff.everybody()]
    if as_json:
        print_json(everybody)
        return
    if not everybody:
        out.print("Nobody yet. `frontdesk staff add ADDRESS --admin` adds the first.")
        return
    table = Table(*everybody[0], box=None)
    for row in everybody:
        table.add_row(*row.values())
    out.print(table)


@app.command()
def disable(email: EmailArgument, *, data: DataOption = None) -> None:
    """Let somebody in no more; what they wrote stays."""
    with _open_staff(data) as staff:
        disabled = staff.disable(email)
    out.print(f"{disabled.name} is logged out and can't log in. A new password lets them in again.")


@app.command()
def password(
    email: EmailArgument, *, password_stdin: FromStdin = False, data: DataOption = None
) -> None:
    """Give somebody a new password; it ends their sessions."""
    given = _read_password(from_stdin=password_stdin)
    with _open_staff(data) as staff:
        changed = staff.set_password(email, given)
    out.print(f"{changed.name} has a new password.")


@contextmanager
def _open_staff(data: Path | None) -> Iterator[Staff]:
    engine = open_storage(read_settings(data=data))
    try:
        yield Staff(engine, read_utc, make_id)
    except StaffError as error:
        raise fail(str(error)) from error
    finally:
        engine.dispose()


def _check_email(email: str) -> str:
    try:
        checked = validate_email(email, check_deliverability=False, test_environment=True)
    except EmailNotValidError as error:
        raise fail(f"{email} is no e-mail address: {error}", Exit.WRONG_USAGE) from error
    return str(checked.normalized)


def _read_password(*, from_stdin: bool) -> str:
    if from_stdin:
        given = sys.stdin.readline().rstrip("\n")
    else:
        given = str(typer.prompt("Password", hide_input=True, confirmation_prompt=True))
    if len(given) < SHORTEST:
        raise fail(f"A password has at least {SHORTEST} characters.", Exit.WRONG_USAGE)
    return given


def _describe(member: Member) -> dict[str, str]:
    return {
        "name": member.name,
        "email": member.email,
        "role": member.role,
        "state": "disabled" if member.disabled_at else "active",
    }
