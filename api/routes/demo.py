"""The demo: a website with the widget on it, and the desk beside it."""

import secrets
from contextlib import suppress
from pathlib import Path
from typing import Annotated

from anyio import to_thread
from fastapi import APIRouter, Cookie, FastAPI, Request
from fastapi.responses import FileResponse, HTMLResponse, Response

from api.assembly import Services
from api.dependencies import OpenServices
from api.desk.dependencies import COOKIE
from api.desk.login import give_cookie
from api.storage.staff import EmailTaken

PAGES = Path(__file__).parents[1] / "pages" / "demo"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self'; frame-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)
HEADERS = {"Content-Security-Policy": POLICY, "Cache-Control": "no-store"}
MIA = "mia@larkstay.example"

router = APIRouter(prefix="/demo", include_in_schema=False)


@router.get("")
async def show_demo(
    services: OpenServices,
    request: Request,
    token: Annotated[str | None, Cookie(alias=COOKIE)] = None,
) -> Response:
    """Show website and desk side by side; whoever is not logged in is Mia."""
    page = FileResponse(PAGES / "index.html", headers=HEADERS)
    known = await to_thread.run_sync(services.staff.find_session, token) if token else None
    if known is None:
        give_cookie(request, page, await to_thread.run_sync(_log_in, services))
    return page


@router.get("/shop")
async def show_shop(services: OpenServices) -> Response:
    """Show the website."""
    site = await to_thread.run_sync(services.sites.find_or_add_demo)
    text = (PAGES / "shop.html").read_text(encoding="utf-8").replace("{{ key }}", site.key)
    return HTMLResponse(text, headers=HEADERS)


def _log_in(services: Services) -> str:
    # Nobody knows the password: the demo's page is the only way in.
    with suppress(EmailTaken):
        services.staff.add(MIA, "Mia", secrets.token_urlsafe(32), "admin")
    (mia,) = (m for m in services.staff.everybody() if m.email == MIA)
    return services.staff.begin_session(mia.id)


def add_demo(app: FastAPI) -> None:
    """Serve the demo."""
    app.include_router(router)
