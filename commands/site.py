"""`frontdesk site`: the websites that the widget is on."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from api.assembly import make_id, open_storage
from api.settings import read_settings
from api.storage.articles import read_utc
from api.storage.sites import Site, SiteError, Sites
from commands.terminal import DataOption, JsonOption, fail, out, print_json

app = typer.Typer(no_args_is_help=True)
SNIPPET = '<script src="https://YOUR-FRONTDESK/widget.js" data-key="{key}" async></script>'

SiteArgument = Annotated[str, typer.Argument(help="The site's key or id.", metavar="SITE")]
OriginOption = Annotated[
    list[str],
    typer.Option("--origin", help="Where its pages are, like https://www.example.com."),
]


@app.command()
def add(
    name: Annotated[str, typer.Argument(help="What the site is called.")],
    origin: OriginOption,
    *,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Add a site; its identity secret is shown this once."""
    with _open_sites(data) as sites:
        _show_secret(sites.add(name, origin), as_json=as_json)


@app.command(name="list")
def list_sites(*, data: DataOption = None, as_json: JsonOption = False) -> None:
    """List all sites."""
    with _open_sites(data) as sites:
        rows = [_describe(site) for site in sites.all()]
    if as_json:
        print_json(rows)
        return
    if not rows:
        out.print("None yet. `frontdesk site add NAME --origin https://…` adds one.")
        return
    table = Table("name", "key", "origins", "state", box=None)
    for row in rows:
        shown = (row["name"], row["key"], ", ".join(row["origins"]), row["state"])
        table.add_row(*map(str, shown))
    out.print(table)


@app.command()
def show(site: SiteArgument, *, data: DataOption = None, as_json: JsonOption = False) -> None:
    """Show one site and the line that puts the widget on it."""
    with _open_sites(data) as sites:
        found = _describe(sites.find(site))
    if as_json:
        print_json(found)
        return
    for name, value in found.items():
        out.print(f"{name}: {', '.join(value) if isinstance(value, list) else value}", markup=False)


@app.command()
def origins(site: SiteArgument, origin: OriginOption, *, data: DataOption = None) -> None:
    """Say anew from which origins the site's key may be used."""
    with _open_sites(data) as sites:
        changed = sites.change(site, origins=origin)
    out.print(f"{changed.name}: {', '.join(changed.origins)}", markup=False)


@app.command(name="rotate-secret")
def rotate_secret(
    site: SiteArgument, *, data: DataOption = None, as_json: JsonOption = False
) -> None:
    """Give the site another identity secret; tokens signed with the old one hold no more."""
    with _open_sites(data) as sites:
        _show_secret(sites.rotate_secret(site), as_json=as_json)


@app.command()
def disable(site: SiteArgument, *, data: DataOption = None) -> None:
    """Let the site's key in no more; its conversations stay."""
    with _open_sites(data) as sites:
        out.print(f"{sites.disable(site).name} is disabled; `enable` lets it in again.")


@app.command()
def enable(site: SiteArgument, *, data: DataOption = None) -> None:
    """Let the site's key in again."""
    with _open_sites(data) as sites:
        out.print(f"{sites.enable(site).name} is enabled.")


@contextmanager
def _open_sites(data: Path | None) -> Iterator[Sites]:
    engine = open_storage(read_settings(data=data))
    try:
        yield Sites(engine, read_utc, make_id)
    except SiteError as error:
        raise fail(str(error)) from error
    finally:
        engine.dispose()


def _describe(site: Site) -> dict[str, str | list[str]]:
    return {
        "name": site.name,
        "id": site.id,
        "key": site.key,
        "origins": list(site.origins),
        "state": "disabled" if site.disabled_at else "active",
        "snippet": SNIPPET.format(key=site.key),
    }


def _show_secret(site: Site, *, as_json: bool) -> None:
    if as_json:
        print_json({**_describe(site), "identity_secret": site.identity_secret})
        return
    out.print(f"{site.name}: put this line on its pages:", markup=False)
    out.print(f"    {SNIPPET.format(key=site.key)}", markup=False)
    out.print("Its server signs who its customers are with this secret, shown only now:")
    out.print(f"    {site.identity_secret}", markup=False)
