"""The desk as a part of the application: its routes, its files, its errors."""

from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.responses import RedirectResponse, Response
from fastapi.staticfiles import StaticFiles

from api.desk import conversation, login, panel, queue, sites
from api.desk.dependencies import FormRefused, LoginRequired, NotAllowed
from api.desk.knowledge_pages import PARTS
from api.desk.login import Attempts, find_login
from api.desk.pages import Pages
from api.settings import Settings
from api.storage.handoffs import HandoffNotFound

ASSETS = Path(__file__).parents[2] / "clients" / "desk"
REFUSALS: dict[type[Exception], tuple[int, str]] = {
    NotAllowed: (403, "This page is for admins."),
    FormRefused: (403, "Your log-in has changed meanwhile. Load the page again, and retry."),
    HandoffNotFound: (404, "There is no such hand-off."),
}
ROUTERS = (
    login.router,
    queue.router,
    *(part.router for part in PARTS),
    sites.router,
    panel.router,
    conversation.router,
)


def add_desk(app: FastAPI, settings: Settings) -> None:
    """Serve the desk."""
    app.state.pages, app.state.attempts = (
        Pages(settings.company, settings.panel_list),
        Attempts.begin(),
    )
    for router in ROUTERS:
        app.include_router(router)
    app.mount("/desk/assets", StaticFiles(directory=ASSETS), name="desk")
    app.add_exception_handler(LoginRequired, _send_to_login)
    for kind in REFUSALS:
        app.add_exception_handler(kind, _refuse)


async def _send_to_login(request: Request, _error: Exception) -> Response:
    query = f"?{request.url.query}" if request.url.query else ""
    address = find_login(request.url.path + query)
    if request.headers.get("hx-request"):
        return Response(status_code=401, headers={"HX-Redirect": address})
    return RedirectResponse(address, 303)


async def _refuse(request: Request, error: Exception) -> Response:
    status, why = REFUSALS[type(error)]
    pages: Pages = request.app.state.pages
    return pages.render("refusal.html", {"why": why}, status=status)
