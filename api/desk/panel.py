"""The panel: the articles' answer to a ticket, in an iframe beside another help desk."""

from typing import Annotated, Literal

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response

from agent.errors import FrontdeskError
from api.dependencies import OpenServices
from api.desk.dependencies import DeskPages, OpenDesk, StaffSession
from api.errors import describe

LONGEST = 4000

router = APIRouter(prefix="/desk/panel", include_in_schema=False)


@router.get("")
async def show_panel(
    request: Request,
    session: StaffSession,
    pages: DeskPages,
    services: OpenServices,
    host: Literal["chatwoot", "zendesk"],
) -> Response:
    """Show the panel for a help desk, whose pages alone may frame it."""
    del request
    origins = services.settings.panel_list
    if not origins:
        why = "The panel is off: set FRONTDESK_PANEL_ORIGINS to the help desk's origin."
        return pages.render("refusal.html", {"why": why}, status=404)
    shown = {"csrf": session.csrf, "host": host, "origins": origins}
    return pages.render("panel.html", shown, framed=True)


@router.post("")
async def answer_ticket(
    session: StaffSession,
    pages: DeskPages,
    desk: OpenDesk,
    text: Annotated[str, Form(max_length=40_000)],
) -> Response:
    """Show what the articles say to what a ticket's customer wrote; nothing is kept."""
    del session  # that there is one is enough
    asked = " ".join(text.split())[:LONGEST]
    if not asked:
        return pages.render("panel_answer.html", {"suggestion": None, "fault": ""})
    try:
        suggestion = await desk.ask(asked)
    except FrontdeskError as error:
        shown = {"suggestion": None, "fault": describe(error).detail}
        return pages.render("panel_answer.html", shown, status=503)
    return pages.render("panel_answer.html", {"suggestion": suggestion, "fault": ""})
