"""The fragment with earlier conversations, for the page of a conversation."""

from typing import Annotated

from fastapi import APIRouter, Path, Request, Response

from api.desk.knowledge import OpenKnowledge
from api.desk.shell import CurrentStaff, render
from api.schemas import Plain

router = APIRouter(include_in_schema=False)


@router.get("/desk/conversations/{conversation_id}/similar")
async def show_similar(
    request: Request,
    staff: CurrentStaff,
    knowledge: OpenKnowledge,
    conversation_id: Annotated[Plain, Path(max_length=64)],
) -> Response:
    """Show what persons answered to the same question before."""
    similar = await knowledge.similar.find(conversation_id)
    return render(request, staff, "similar.html", similar=similar)
