"""What the knowledge pages need of the desk: who is logged in, and how a page is shown."""

from typing import TYPE_CHECKING, Any

from fastapi import Request
from fastapi.responses import Response
from markupsafe import Markup

from api.desk.dependencies import AdminSession, StaffSession
from api.storage.staff import Session

if TYPE_CHECKING:
    from api.desk.pages import Pages

CurrentStaff = StaffSession
CurrentAdmin = AdminSession
FIELD = Markup('<input type="hidden" name="csrf" value="{}">')


def render(
    request: Request,
    session: Session,
    name: str,
    *,
    status: int = 200,
    **values: Any,  # noqa: ANN401 - whatever the template shows
) -> Response:
    """Return a page; `guard` puts into a form what shows that it came from this session."""
    pages: Pages = request.app.state.pages
    shown = {
        "problem": "",
        "request": request,
        "staff": session.member,
        "guard": lambda: FIELD.format(session.csrf),
        **values,
    }
    return pages.show(request, session, name, shown, status=status)
