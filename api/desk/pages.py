"""Pages: templates, what is on each of them, and the headers that guard them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from api.storage.staff import Session

TEMPLATES = Path(__file__).parent / "templates"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self'; frame-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors {}"
)


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of the navigation, and what else is below it; only admins see those for admins."""

    path: str
    title: str
    below: tuple[str, ...] = ()
    admin: bool = False

    def holds(self, path: str) -> bool:
        """Whether a page is one of this entry's."""
        return path == self.path or path.startswith(self.below)


NAVIGATION = (
    Entry("/desk", "Queue", ("/desk/conversations/",)),
    Entry("/desk/questions", "Questions"),
    Entry("/desk/articles", "Articles", ("/desk/article", "/desk/imports")),
    Entry("/desk/ask", "Ask"),
    Entry("/desk/triage", "Triage", ("/desk/triage/",)),
    Entry("/desk/numbers", "Numbers"),
    Entry("/desk/sites", "Sites", ("/desk/sites/",), admin=True),
)


class Pages:
    """Renders templates. `company` stands in every page's title.

    Pages can be framed by our own, and those that are `framed` by `panel_origins` too.
    """

    def __init__(self, company: str, panel_origins: Sequence[str] = ()) -> None:
        self._panel_origins = panel_origins
        # A template that names what it was not given is a mistake of ours, not an empty place.
        self._environment = Environment(
            loader=FileSystemLoader(TEMPLATES),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.globals.update(company=company)

    def render(
        self,
        name: str,
        values: Mapping[str, Any],
        *,
        status: int = 200,
        framed: bool = False,
    ) -> HTMLResponse:
        """Return a template filled in."""
        text = self._environment.get_template(name).render(values)
        ancestors = " ".join(("'self'", *(self._panel_origins if framed else ())))
        headers = {
            "Content-Security-Policy": POLICY.format(ancestors),
            "Cache-Control": "no-store",
        }
        return HTMLResponse(text, status, headers)

    def show(
        self,
        request: Request,
        session: Session,
        name: str,
        values: Mapping[str, Any],
        *,
        status: int = 200,
    ) -> HTMLResponse:
        """Return a page with navigation for somebody who is logged in."""
        admin = session.member.role == "admin"
        shown = {
            "member": session.member,
            "csrf": session.csrf,
            "navigation": [entry for entry in NAVIGATION if admin or not entry.admin],
            "here": request.url.path,
        }
        return self.render(name, {**shown, **values}, status=status)
