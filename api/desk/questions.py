"""The page of questions that were not answered."""

from fastapi import APIRouter, Request, Response

from api.desk.knowledge import OpenKnowledge
from api.desk.shell import CurrentStaff, render
from api.desk.spans import ChosenSpan

MOST_SHOWN = 50
LACKS = {
    "abstained": "no answer in the articles",
    "handed_off": "handed over for want of an answer",
    "clarified_twice": "asked back twice",
    "unhelpful": "rated unhelpful",
}

router = APIRouter(include_in_schema=False)


@router.get("/desk/questions")
async def show_questions(
    request: Request, staff: CurrentStaff, knowledge: OpenKnowledge, span: ChosenSpan
) -> Response:
    """Show the groups, the most frequent first."""
    groups = await knowledge.groups.list(span.since(knowledge.now), span.site_id)
    shown = groups[:MOST_SHOWN]
    coverage = await knowledge.coverage.find(shown)
    return render(
        request,
        staff,
        "questions.html",
        groups=[group for group in shown if group.representative.turn_id not in coverage],
        covered=[group for group in shown if group.representative.turn_id in coverage],
        coverage=coverage,
        more=max(0, len(groups) - MOST_SHOWN),
        span=span,
        lacks=LACKS,
    )
