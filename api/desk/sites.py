"""The owner's page: the websites that the widget is on, what it says and how it looks there."""

from dataclasses import dataclass
from html import escape
from typing import Annotated, Literal

from anyio import to_thread
from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from pydantic import ValidationError

from api.dependencies import OpenServices
from api.desk.contrast import measure_contrast
from api.desk.dependencies import AdminSession, DeskPages
from api.desk.pages import Pages
from api.storage.sites import Look, OriginInvalid, Site, Sites
from api.storage.staff import Session

HOME = "/desk/sites"
READABLE = 4.5
PREVIEW_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)
PREVIEW = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Preview</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="stylesheet" href="/desk/assets/preview.css">
<script src="/desk/assets/preview.js" type="module" data-key="{key}"></script></head>
<body><p>Your website</p></body></html>
"""

router = APIRouter(prefix=HOME, include_in_schema=False)

Text = Annotated[str, Form(max_length=4000)]


async def find_site(site_id: str, services: OpenServices) -> tuple[Site, Sites]:
    """Return the site that a page is about, and where it is kept; raises SiteNotFound."""
    return await to_thread.run_sync(services.sites.find, site_id), services.sites


KeptSite = Annotated[tuple[Site, Sites], Depends(find_site)]


@router.get("")
async def show_sites(
    request: Request, session: AdminSession, pages: DeskPages, services: OpenServices
) -> Response:
    """List the sites."""
    found = await to_thread.run_sync(services.sites.all)
    return _show_list(pages, request, session, list(found))


@router.post("")
async def add_site(  # noqa: PLR0913, PLR0917 - a form, and what it is checked with
    request: Request,
    session: AdminSession,
    pages: DeskPages,
    services: OpenServices,
    name: Annotated[str, Form(min_length=1, max_length=100)],
    origins: Text,
) -> Response:
    """Add a site and show it."""
    try:
        site = await to_thread.run_sync(services.sites.add, name.strip(), split_lines(origins))
    except OriginInvalid as error:
        found = await to_thread.run_sync(services.sites.all)
        return _show_list(
            pages, request, session, list(found), fault=str(error), name=name, origins=origins
        )
    return RedirectResponse(f"{HOME}/{site.id}", 303)


@router.get("/{site_id}")  # noqa: FAST003 - its dependency takes the id
async def show_site(
    request: Request, session: AdminSession, pages: DeskPages, kept: KeptSite
) -> Response:
    """Show one site, ready to be changed."""
    site, _ = kept
    return _show_site(pages, request, session, site)


@dataclass(frozen=True, slots=True)
class Fields:
    """A site's form as it was sent; what is wrong with it is shown again as it is."""

    name: Annotated[str, Form(max_length=100)] = ""
    origins: Text = ""
    title: Text = ""
    greeting: Text = ""
    accent: Text = ""
    accent_dark: Text = ""
    position: Annotated[str, Form(max_length=16)] = "right"
    questions: Text = ""

    @classmethod
    def read(cls, site: Site) -> "Fields":
        """Return the form of a site as it is kept."""
        look = site.look
        return cls(
            name=site.name,
            origins="\n".join(site.origins),
            title=look.title,
            greeting=look.greeting,
            accent=look.accent,
            accent_dark=look.accent_dark,
            position=look.position,
            questions="\n".join(look.questions),
        )

    def make_look(self) -> Look:
        """Return the look that was chosen; raises ValidationError."""
        return Look.model_validate(
            {
                "title": self.title.strip(),
                "greeting": self.greeting.strip(),
                "accent": self.accent,
                "accent_dark": self.accent_dark,
                "position": self.position,
                "questions": split_lines(self.questions),
            }
        )


@router.post("/{site_id}")  # noqa: FAST003 - its dependency takes the id
async def change_site(
    request: Request,
    session: AdminSession,
    pages: DeskPages,
    kept: KeptSite,
    fields: Annotated[Fields, Depends()],
) -> Response:
    """Keep what was changed, or say what is wrong with it."""
    site, sites = kept
    name = fields.name.strip() or site.name
    try:
        look, origins = fields.make_look(), split_lines(fields.origins)
        site = await to_thread.run_sync(sites.change, site.id, name, origins, look)
    except (OriginInvalid, ValidationError) as error:
        fault = describe_fault(error)
        return _show_site(pages, request, session, site, fields=fields, fault=fault)
    return _show_site(pages, request, session, site, saved=True)


@router.post("/{site_id}/{act}")
async def switch_site(
    site_id: str, act: Literal["disable", "enable"], _session: AdminSession, services: OpenServices
) -> Response:
    """Let the site's key in no more, or again."""
    sites = services.sites
    switch = sites.disable if act == "disable" else sites.enable
    await to_thread.run_sync(switch, site_id)
    return RedirectResponse(f"{HOME}/{site_id}", 303)


@router.get("/{site_id}/preview")  # noqa: FAST003 - its dependency takes the id
async def show_preview(_session: AdminSession, kept: KeptSite) -> Response:
    """Show a page with the widget on it, which wears what the page around it tells it to."""
    site, _ = kept
    headers = {"Content-Security-Policy": PREVIEW_POLICY, "Cache-Control": "no-store"}
    return HTMLResponse(PREVIEW.format(key=escape(site.key)), headers=headers)


def split_lines(text: str) -> list[str]:
    """Return the lines that hold something."""
    return [line.strip() for line in text.splitlines() if line.strip()]


def describe_fault(error: OriginInvalid | ValidationError) -> str:
    """Return what is wrong, field by field."""
    if isinstance(error, OriginInvalid):
        return str(error)
    return " ".join(f"{item['loc'][0]}: {item['msg']}." for item in error.errors())


def _show_list(  # noqa: PLR0913 - what a page is made of
    pages: Pages,
    request: Request,
    session: Session,
    found: list[Site],
    *,
    fault: str = "",
    name: str = "",
    origins: str = "",
) -> Response:
    shown = {"sites": found, "fault": fault, "name": name, "origins": origins}
    return pages.show(request, session, "sites.html", shown, status=422 if fault else 200)


def _show_site(  # noqa: PLR0913 - what a page is made of
    pages: Pages,
    request: Request,
    session: Session,
    site: Site,
    *,
    fields: Fields | None = None,
    fault: str = "",
    saved: bool = False,
) -> Response:
    base = str(request.base_url).rstrip("/")
    shown = {
        "site": site,
        "fields": fields or Fields.read(site),
        "fault": fault,
        "saved": saved,
        "snippet": f'<script src="{base}/widget.js" data-key="{site.key}" async></script>',
        "faint": measure_contrast(site.look.accent, "#ffffff") < READABLE,
    }
    return pages.show(request, session, "site.html", shown, status=422 if fault else 200)
