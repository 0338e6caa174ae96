"""The page of numbers, and the same as JSON for its charts."""

from anyio import to_thread
from fastapi import APIRouter, Request, Response

from api.desk.knowledge import Knowledge, OpenKnowledge
from api.desk.shell import CurrentStaff, render
from api.desk.spans import ChosenSpan, Span
from api.storage.numbers import Figures

REASONS = {
    "no_evidence": "no answer in the articles",
    "model_declined": "the model declined",
    "unsupported": "no supported answer",
    "asked_for_person": "asked for a person",
    "upset": "upset",
    "unsafe": "unsafe",
    "out_of_policy": "not for the agent",
    "abstained_twice": "no answer twice",
    "with_person": "with a person",
}

router = APIRouter(include_in_schema=False)


@router.get("/desk/numbers")
async def show_numbers(
    request: Request, staff: CurrentStaff, knowledge: OpenKnowledge, span: ChosenSpan
) -> Response:
    """Show the numbers; the charts fetch theirs."""
    figures = await _read(knowledge, span)
    return render(request, staff, "numbers.html", figures=figures, span=span, reasons=REASONS)


@router.get("/desk/numbers.json")
async def send_numbers(
    _staff: CurrentStaff, knowledge: OpenKnowledge, span: ChosenSpan
) -> dict[str, object]:
    """Send the numbers by day, each as a list as long as `days`."""
    figures = await _read(knowledge, span)
    columns = ("conversations", "resolved", "abstained", "helped", "unhelpful")
    series: dict[str, object] = {
        name: [getattr(day, name) for day in figures.days]
        for name in (*columns, "first_p50", "first_p95")
    }
    handed_off = {
        REASONS.get(reason, reason): [day.handed_off.get(reason, 0) for day in figures.days]
        for reason in figures.handed_off()
    }
    days = [day.day.isoformat() for day in figures.days]
    return {"days": days, "handed_off": handed_off, **series}


async def _read(knowledge: Knowledge, span: Span) -> Figures:
    return await to_thread.run_sync(knowledge.numbers.read, span.days, span.site_id)
