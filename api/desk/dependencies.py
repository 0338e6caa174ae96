"""What the desk's routes ask for: who is logged in, and what they work with."""

import secrets
from typing import Annotated

from anyio import to_thread
from fastapi import Cookie, Depends, Request

from api.dependencies import OpenServices
from api.desk.pages import Pages
from api.handoffs import Desk
from api.storage.staff import Session

COOKIE = "frontdesk_staff"
CSRF_HEADER = "x-csrf"
CSRF_FIELD = "csrf"
SAFE = frozenset({"GET", "HEAD"})


class LoginRequired(Exception):  # noqa: N818 - it reads as what is to be done
    """Nobody is logged in; the log-in page comes first."""


class NotAllowed(Exception):  # noqa: N818
    """This is for admins."""


class FormRefused(Exception):  # noqa: N818
    """The form did not come from a page of this session; load the page again."""


async def read_session(
    request: Request,
    services: OpenServices,
    token: Annotated[str | None, Cookie(alias=COOKIE)] = None,
) -> Session:
    """Return the session of whoever is logged in; what changes something needs its CSRF token.

    Raises LoginRequired or FormRefused.
    """
    session = await to_thread.run_sync(services.staff.find_session, token) if token else None
    if session is None:
        raise LoginRequired
    if request.method not in SAFE and not await _carries(request, session.csrf):
        raise FormRefused
    return session


async def _carries(request: Request, csrf: str) -> bool:
    given = request.headers.get(CSRF_HEADER)
    if given is None:
        given = str((await request.form()).get(CSRF_FIELD, ""))
    return secrets.compare_digest(given.encode(), csrf.encode())


StaffSession = Annotated[Session, Depends(read_session)]


def read_admin(session: StaffSession) -> Session:
    """Return the session of an admin; raises NotAllowed."""
    if session.member.role != "admin":
        raise NotAllowed
    return session


AdminSession = Annotated[Session, Depends(read_admin)]


def own_pages(request: Request) -> Pages:
    """Return what renders pages."""
    pages: Pages = request.app.state.pages
    return pages


DeskPages = Annotated[Pages, Depends(own_pages)]


def read_desk(request: Request, services: OpenServices) -> Desk:
    """Return what staff act through."""
    del services  # once they are open, so is this
    desk: Desk = request.app.state.desk
    return desk


OpenDesk = Annotated[Desk, Depends(read_desk)]
