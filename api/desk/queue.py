"""The queue: who waits for a person, and what goes on meanwhile."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from datetime import datetime
from typing import Annotated

from anyio import to_thread
from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from fastapi.sse import EventSourceResponse, ServerSentEvent

from api.assembly import Services
from api.dependencies import OpenLive, OpenServices
from api.desk.dependencies import DeskPages, StaffSession
from api.live import Live
from api.storage.articles import read_utc
from api.storage.handoffs import Handoff
from api.storage.happenings import Happening
from api.storage.staff import Session
from api.streams import Frames, open_frames

SEEN_EVERY_S = 30.0
SECONDS_A_MINUTE = 60
MINUTES_AN_HOUR = 60
MINUTES_A_DAY = 24 * MINUTES_AN_HOUR

router = APIRouter(prefix="/desk", include_in_schema=False)


@router.get("")
async def show_queue(
    request: Request, session: StaffSession, pages: DeskPages, services: OpenServices
) -> Response:
    """Show the page."""
    found = await to_thread.run_sync(services.handoffs.queue)
    shown = sort_queue(list(found), session, read_utc())
    return pages.show(request, session, "queue.html", shown)


@router.get("/queue")
async def show_list(session: StaffSession, pages: DeskPages, services: OpenServices) -> Response:
    """Show what changes on the page."""
    found = await to_thread.run_sync(services.handoffs.queue)
    return pages.render("queue_list.html", sort_queue(list(found), session, read_utc()))


def sort_queue(found: list[Handoff], session: Session, now: datetime) -> dict[str, object]:
    """Return who waits, whom this member of staff has, and whom others have."""
    own = session.member.id
    return {
        "waiting": [h for h in found if h.state == "waiting"],
        "mine": [h for h in found if h.state == "taken" and h.staff_id == own],
        "others": [h for h in found if h.state == "taken" and h.staff_id != own],
        "waited": {h.id: describe_wait(h.created_at, now) for h in found},
    }


def describe_wait(since: datetime, now: datetime) -> str:
    """Return how long ago something was, as people say it."""
    minutes = max(0, int((now - since).total_seconds()) // SECONDS_A_MINUTE)
    if minutes < 1:
        return "just now"
    if minutes < MINUTES_AN_HOUR:
        return f"{minutes} min"
    if minutes < MINUTES_A_DAY:
        return f"{minutes // MINUTES_AN_HOUR} h {minutes % MINUTES_AN_HOUR} min"
    return f"{minutes // MINUTES_A_DAY} d"


async def follow_everything(
    session: StaffSession, services: OpenServices, live: OpenLive
) -> AsyncIterator[Frames]:
    """Follow all conversations for as long as the response lasts."""
    async with open_frames(frame_desk(live, services, session)) as frames:
        yield frames


async def frame_desk(
    live: Live, services: Services, session: Session
) -> AsyncGenerator[ServerSentEvent]:
    """Yield what happens anywhere, and keep noting that this member of staff is there."""
    latest = await to_thread.run_sync(services.happenings.latest)
    yield ServerSentEvent(event="ready", data={"latest": latest})
    async with aclosing(live.follow(None, latest, SEEN_EVERY_S)) as events:
        async for event in events:
            if event is None:
                await to_thread.run_sync(services.staff.see, session.id)
            elif isinstance(event, Happening):
                told = {"conversation_id": event.conversation_id}
                yield ServerSentEvent(event=event.kind, data=told, id=str(event.id))
            else:
                told = {"conversation_id": event.conversation_id, "who": event.who}
                yield ServerSentEvent(event="typing", data=told)


@router.get("/live", response_class=EventSourceResponse)
async def follow(
    frames: Annotated[Frames, Depends(follow_everything)],
) -> AsyncIterator[ServerSentEvent]:
    """Follow what happens in all conversations."""
    async for frame in frames:
        yield frame
