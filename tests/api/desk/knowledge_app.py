"""Somebody who is logged in, for the desk's knowledge pages."""

from dataclasses import dataclass

from api.assembly import Services
from api.storage.staff import Role


@dataclass(frozen=True, slots=True)
class LogIn:
    """What a browser holds of a session: the cookie's token, and what forms carry."""

    token: str
    csrf: str


def log_in(services: Services, role: Role = "admin") -> LogIn:
    email = f"{role}@larkstay.example"
    member = services.staff.add(email, "Ada Holm", "a long enough password", role)
    token = services.staff.begin_session(member.id)
    session = services.staff.find_session(token)
    assert session is not None
    return LogIn(token, session.csrf)
