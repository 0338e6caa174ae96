"""One conversation at the desk: read it, take it, write, give it back, close it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal

from anyio import to_thread
from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response

from agent.errors import FrontdeskError
from agent.rewording import Manner
from agent.state import Source
from api.assembly import Services
from api.dependencies import OpenLive, OpenServices
from api.desk.dependencies import DeskPages, OpenDesk, StaffSession
from api.desk.queue import describe_wait
from api.errors import describe
from api.storage.articles import read_utc
from api.storage.handoffs import Handoff, HandoffEnded, HandoffTaken, NotHolder, PersonMessage
from api.storage.ledger import RecordedConversation, RecordedTurn
from api.storage.suggestions import KeptSuggestion

LONGEST = 8000

router = APIRouter(prefix="/desk/conversations/{conversation_id}", include_in_schema=False)


@dataclass(frozen=True, slots=True)
class Opened:
    """A conversation as the desk shows it; `handoff` is its latest, open or not."""

    conversation: RecordedConversation
    messages: tuple[PersonMessage, ...]
    handoff: Handoff | None
    suggestion: KeptSuggestion | None


@dataclass(frozen=True, slots=True)
class Said:
    """Something said in the thread."""

    who: Literal["customer", "agent", "person"]
    at: datetime
    text: str
    name: str = ""
    turn: RecordedTurn | None = None
    sources: tuple[Source, ...] = ()


async def open_conversation(conversation_id: str, services: OpenServices) -> Opened:
    """Read all that the page shows; raises ConversationNotFound."""
    return await to_thread.run_sync(_read, services, conversation_id)


OpenedConversation = Annotated[Opened, Depends(open_conversation)]


def _read(services: Services, conversation_id: str) -> Opened:
    conversation = services.ledger.read(conversation_id)
    handoff = services.handoffs.latest(conversation_id)
    return Opened(
        conversation,
        tuple(services.handoffs.messages(conversation_id)),
        handoff,
        services.suggestions.latest(handoff.id) if handoff else None,
    )


@router.get("")
async def show_conversation(
    request: Request, session: StaffSession, pages: DeskPages, opened: OpenedConversation
) -> Response:
    """Show the page."""
    shown = show(opened, session.member.id)
    return pages.show(request, session, "conversation.html", shown)


@router.get("/{part}")
async def show_part(
    part: Literal["thread", "state", "suggestion"],
    session: StaffSession,
    pages: DeskPages,
    opened: OpenedConversation,
) -> Response:
    """Show a part of the page that changes."""
    shown = show(opened, session.member.id)
    return pages.render(f"conversation_{part}.html", {**shown, "csrf": session.csrf})


def show(opened: Opened, staff_id: str) -> dict[str, object]:
    """Return what the templates are filled with."""
    handoff = opened.handoff
    holds = handoff is not None and handoff.state == "taken" and handoff.staff_id == staff_id
    return {
        "conversation": opened.conversation,
        "customer": opened.conversation.customer,
        "handoff": handoff,
        "holds": holds,
        "waited": describe_wait(handoff.created_at, read_utc()) if handoff else "",
        "suggestion": opened.suggestion,
        "thread": list_said(opened),
    }


def list_said(opened: Opened) -> list[Said]:
    """Return the thread, oldest first."""
    said = [line for turn in opened.conversation.turns for line in _read_turn(turn)]
    said += [
        Said("person", m.created_at, m.text, m.staff_name, sources=m.sources)
        for m in opened.messages
    ]
    return sorted(said, key=lambda line: line.at)


def _read_turn(turn: RecordedTurn) -> list[Said]:
    lines = [Said("customer", turn.created_at, turn.question, turn=turn)]
    if turn.reply and turn.reply.text:
        sources = tuple(turn.reply.sources)
        lines.append(Said("agent", turn.created_at, turn.reply.text, turn=turn, sources=sources))
    return lines


@router.post("/take")
async def take(
    conversation_id: str, session: StaffSession, desk: OpenDesk, opened: OpenedConversation
) -> Response:
    """Take the conversation, if nobody else has; either way the page says who does."""
    try:
        if opened.handoff:
            await desk.take(opened.handoff.id, session.member.id)
    except (HandoffTaken, HandoffEnded):
        pass  # the page, read anew, shows who has it or how it ended
    return _go_back(conversation_id)


@router.post("/send")
async def send(  # noqa: PLR0913, PLR0917 - a form, and what it is for
    conversation_id: str,
    session: StaffSession,
    desk: OpenDesk,
    services: OpenServices,
    opened: OpenedConversation,
    text: Annotated[str, Form(min_length=1, max_length=LONGEST)],
    message_id: Annotated[str, Form(min_length=1, max_length=128)],
    inserted: Annotated[str, Form(max_length=64)] = "",
) -> Response:
    """Write to the customer; what became of the suggestion is kept."""
    suggestion, handoff = opened.suggestion, opened.handoff
    if handoff is None or not text.strip():
        return _explain("There is nothing to send, or nobody to send it to.")
    used = suggestion is not None and suggestion.id == inserted
    sources = suggestion.sendable_sources if suggestion and used else ()
    try:
        await desk.send(handoff.id, session.member.id, text.strip(), message_id, sources)
    except (HandoffTaken, HandoffEnded, NotHolder) as error:
        return _explain(_describe(error))
    if suggestion and suggestion.fate is None:
        kept = text.strip() if used else None
        await to_thread.run_sync(services.suggestions.settle, suggestion.id, kept)
    return _go_back(conversation_id)


@router.post("/give-back")
async def give_back(
    conversation_id: str, session: StaffSession, desk: OpenDesk, opened: OpenedConversation
) -> Response:
    """Let the agent have the conversation again."""
    try:
        if opened.handoff:
            await desk.give_back(opened.handoff.id, session.member.id)
    except (HandoffTaken, HandoffEnded, NotHolder) as error:
        return _explain(_describe(error))
    return _go_back(conversation_id)


@router.post("/close")
async def close(session: StaffSession, desk: OpenDesk, opened: OpenedConversation) -> Response:
    """Say that it is resolved."""
    try:
        if opened.handoff:
            await desk.close(opened.handoff.id, session.member.id)
    except (HandoffTaken, HandoffEnded, NotHolder) as error:
        return _explain(_describe(error))
    return RedirectResponse("/desk", 303)


@router.post("/reword")
async def reword(
    session: StaffSession,
    desk: OpenDesk,
    text: Annotated[str, Form(min_length=1, max_length=LONGEST)],
    manner: Annotated[Manner, Form()],
) -> Response:
    """Return the text in another manner; null if that would change what it says."""
    del session  # that there is one is enough
    try:
        return JSONResponse({"text": await desk.reword(text, manner)})
    except FrontdeskError as error:
        return JSONResponse({"detail": describe(error).detail}, 503)


@router.post("/discard")
async def discard(
    session: StaffSession, services: OpenServices, opened: OpenedConversation
) -> Response:
    """Throw the suggestion away."""
    del session
    if opened.suggestion:
        await to_thread.run_sync(services.suggestions.settle, opened.suggestion.id, None)
    return _go_back(opened.conversation.id)


@router.post("/typing", status_code=204)
async def say_typing(conversation_id: str, session: StaffSession, live: OpenLive) -> None:
    """Say that this member of staff is writing."""
    live.type(conversation_id, "person", session.member.name)


def _go_back(conversation_id: str) -> Response:
    return RedirectResponse(f"/desk/conversations/{conversation_id}", 303)


def _explain(detail: str) -> Response:
    return JSONResponse({"detail": detail}, 409)


def _describe(error: Exception) -> str:
    if isinstance(error, HandoffTaken):
        return f"{error} has this conversation; nothing was sent."
    if isinstance(error, NotHolder):
        return "Take the conversation before you write in it."
    return "The conversation was given back or closed meanwhile; nothing was sent."
