"""Asking the articles from the desk, those for staff among them."""

from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Form, Request, Response

from agent.errors import FrontdeskError
from agent.state import Suggestion
from api.desk.shell import CurrentStaff, render

if TYPE_CHECKING:
    from api.handoffs import Desk

router = APIRouter(include_in_schema=False)


@router.get("/desk/ask")
async def show_asking(request: Request, staff: CurrentStaff) -> Response:
    """Show the page with its question still to be asked."""
    return _show(request, staff, "")


@router.post("/desk/ask")
async def ask(
    request: Request,
    staff: CurrentStaff,
    question: Annotated[str, Form(min_length=1, max_length=2000)],
) -> Response:
    """Answer from the articles; nothing of it is kept."""
    desk: Desk = request.app.state.desk
    try:
        return _show(request, staff, question, await desk.ask(question))
    except FrontdeskError as error:
        return _show(request, staff, question, problem=str(error), status=503)


def _show(  # noqa: PLR0913 - what the page may show
    request: Request,
    staff: CurrentStaff,
    asked: str,
    found: Suggestion | None = None,
    *,
    problem: str = "",
    status: int = 200,
) -> Response:
    sources = found.sources if found else []
    return render(
        request,
        staff,
        "ask.html",
        status=status,
        asked=asked,
        found=found,
        numbers={source.passage_id: place for place, source in enumerate(sources, 1)},
        problem=problem,
    )
