"""Logging in and out."""

from dataclasses import dataclass
from typing import Annotated
from urllib.parse import quote

from anyio import to_thread
from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response
from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from api.dependencies import OpenServices
from api.desk.dependencies import COOKIE, DeskPages, StaffSession
from api.storage.staff import SESSION

HOME = "/desk"
FAILED = "Address and password do not belong together."
TOO_OFTEN = "Too many attempts; wait a minute."

router = APIRouter(prefix="/desk", include_in_schema=False)


@dataclass(frozen=True, slots=True)
class Attempts:
    """Counts attempts to log in: ten a minute from an address, five a minute for a name."""

    limiter: MovingWindowRateLimiter
    from_address: RateLimitItemPerMinute
    for_name: RateLimitItemPerMinute

    @classmethod
    def begin(cls) -> "Attempts":
        """Return a count that begins now, in this process."""
        limiter = MovingWindowRateLimiter(MemoryStorage())
        return cls(limiter, RateLimitItemPerMinute(10), RateLimitItemPerMinute(5))

    def allow(self, address: str, name: str) -> bool:
        """Count an attempt; return whether it is within the limits."""
        first = self.limiter.hit(self.from_address, address)
        return self.limiter.hit(self.for_name, name) and first


@router.get("/login")
async def show_login(pages: DeskPages, next_page: str = HOME) -> Response:
    """Show the form."""
    shown = {"next_page": next_page, "error": None, "email": ""}
    return pages.render("login.html", shown, framed=True)


@router.post("/login")
async def log_in(  # noqa: PLR0913, PLR0917 - a form, and what it is checked with
    request: Request,
    pages: DeskPages,
    services: OpenServices,
    email: Annotated[str, Form(max_length=320)],
    password: Annotated[str, Form(max_length=1024)],
    next_page: Annotated[str, Form(max_length=400)] = HOME,
) -> Response:
    """Let somebody in, or say that it did not work."""
    attempts: Attempts = request.app.state.attempts
    address = request.client.host if request.client else ""
    if not attempts.allow(address, email.lower()):
        shown = {"next_page": next_page, "error": TOO_OFTEN, "email": email}
        return pages.render("login.html", shown, status=429, framed=True)
    member = await to_thread.run_sync(services.staff.check, email, password)
    if member is None:
        shown = {"next_page": next_page, "error": FAILED, "email": email}
        return pages.render("login.html", shown, status=403, framed=True)
    token = await to_thread.run_sync(services.staff.begin_session, member.id)
    response = RedirectResponse(_stay_here(next_page), 303)
    give_cookie(request, response, token, framed=bool(services.settings.panel_list))
    return response


@router.post("/logout")
async def log_out(session: StaffSession, services: OpenServices) -> Response:
    """End the session."""
    await to_thread.run_sync(services.staff.end_session, session.id)
    response = RedirectResponse(f"{HOME}/login", 303)
    response.delete_cookie(COOKIE, path="/")
    return response


def find_login(path: str) -> str:
    """Return the log-in page's address, which leads back to `path`."""
    return f"{HOME}/login?next_page={quote(path)}"


def give_cookie(request: Request, response: Response, token: str, *, framed: bool = False) -> None:
    """Log in whoever the response goes to; `framed` on another website's page too, over HTTPS."""
    secure = request.url.scheme == "https"
    elsewhere = framed and secure
    response.set_cookie(
        COOKIE,
        token,
        max_age=int(SESSION.total_seconds()),
        path="/",
        secure=secure,
        httponly=True,
        samesite="none" if elsewhere else "lax",
    )
    if elsewhere:
        # Python's own cookies know this attribute from 3.14 on.
        name, value = response.raw_headers[-1]
        response.raw_headers[-1] = (name, value + b"; Partitioned")


def _stay_here(path: str) -> str:
    """Return the path if it is one of the desk's, else the desk's first page."""
    ours = path == HOME or path.startswith((f"{HOME}/", f"{HOME}?"))
    return path if ours and "\\" not in path else HOME
