"""Sites: the websites that the widget is on, their keys, origins, secrets and looks.

SiteError
├── SiteNotFound   there is no such site, or it is disabled
└── OriginInvalid  an origin is scheme, host and port, like https://www.example.com
"""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection, Engine, Row, insert, select, update

from api.storage.database import read_from, write_to
from api.storage.desk_tables import sites

COLOUR = r"^#[0-9a-fA-F]{6}$"
WILDCARD = "*."
DEMO_KEY = "fd_demo"
PORTS = {"http": 80, "https": 443}


class SiteError(Exception):
    """Something that can't be done with a site; the message says why."""


class SiteNotFound(SiteError):  # noqa: N818 - it reads as what happened
    """There is no such site, or it is disabled."""


class OriginInvalid(SiteError):  # noqa: N818
    """An origin is scheme, host and port, like https://www.example.com."""


class Look(BaseModel):
    """How the widget looks on a site; colours are #rrggbb."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: str = Field(default="", max_length=60)
    greeting: str = Field(default="", max_length=300)
    accent: str = Field(default="#1f6f5c", pattern=COLOUR)
    accent_dark: str = Field(default="#6fcbb0", pattern=COLOUR)
    position: Literal["right", "left"] = "right"
    questions: tuple[str, ...] = Field(default=(), max_length=6)


@dataclass(frozen=True, slots=True)
class Site:
    """A website; `identity_secret` signs the tokens that say who its customers are."""

    id: str
    name: str
    key: str
    origins: tuple[str, ...]
    identity_secret: str
    look: Look
    created_at: datetime
    disabled_at: datetime | None

    def allows(self, origin: str) -> bool:
        """Whether a page of this origin may use the site's key."""
        return any(_matches(origin, allowed) for allowed in self.origins)


DEMO_LOOK = Look(
    title="Larkstay",
    greeting="Hello! Ask me about bookings, refunds, or hosting.",
    questions=(
        "I cancelled yesterday, when does my money come back to my card?",
        "Can I bring my dog?",
        "How do I change the dates of a booking?",
    ),
)


class Sites:
    """Keeps sites. Each method is one transaction and blocks: call it in a thread."""

    def __init__(
        self, engine: Engine, now: Callable[[], datetime], new_id: Callable[[], str]
    ) -> None:
        self._engine = engine
        self._now = now
        self._new_id = new_id

    def add(
        self, name: str, origins: Sequence[str], look: Look | None = None, key: str | None = None
    ) -> Site:
        """Add a site; raises OriginInvalid."""
        row = {
            "id": self._new_id(),
            "name": name,
            "key": key or f"fd_{secrets.token_urlsafe(16)}",
            "origins": [normalise_origin(origin) for origin in origins],
            "identity_secret": secrets.token_urlsafe(32),
            "look": (look or Look(title=name)).model_dump(mode="json"),
            "created_at": self._now(),
        }
        with write_to(self._engine) as connection:
            connection.execute(insert(sites).values(row))
            return _read(_require(connection, str(row["id"])))

    def all(self) -> Sequence[Site]:
        """Return all, also those that are disabled, by name."""
        with read_from(self._engine) as connection:
            rows = connection.execute(select(sites).order_by(sites.c.name, sites.c.id))
            return [_read(row) for row in rows]

    def find(self, site_id: str) -> Site:
        """Return a site by its id or its key; raises SiteNotFound."""
        with read_from(self._engine) as connection:
            return _read(_require(connection, site_id))

    def change(
        self,
        site_id: str,
        name: str | None = None,
        origins: Sequence[str] | None = None,
        look: Look | None = None,
    ) -> Site:
        """Change what is given; raises SiteNotFound or OriginInvalid."""
        values: dict[str, object] = {}
        if name is not None:
            values["name"] = name
        if origins is not None:
            values["origins"] = [normalise_origin(origin) for origin in origins]
        if look is not None:
            values["look"] = look.model_dump(mode="json")
        return self._update(site_id, values)

    def rotate_secret(self, site_id: str) -> Site:
        """Give the site another identity secret: tokens of the old one hold no more."""
        return self._update(site_id, {"identity_secret": secrets.token_urlsafe(32)})

    def disable(self, site_id: str) -> Site:
        """Let the site's key in no more."""
        return self._update(site_id, {"disabled_at": self._now()})

    def enable(self, site_id: str) -> Site:
        """Let the site's key in again."""
        return self._update(site_id, {"disabled_at": None})

    def find_or_add_demo(self) -> Site:
        """Return the demo company's site, which is this server's own page."""
        try:
            return self.find(DEMO_KEY)
        except SiteNotFound:
            return self.add("Larkstay (demo)", (), DEMO_LOOK, DEMO_KEY)

    def _update(self, site_id: str, values: dict[str, object]) -> Site:
        with write_to(self._engine) as connection:
            own = sites.c.id == _require(connection, site_id).id
            if values:
                connection.execute(update(sites).where(own).values(**values))
            return _read(_require(connection, site_id))


def normalise_origin(origin: str) -> str:
    """Return scheme, host in punycode and port as browsers send them; raises OriginInvalid.

    `https://*.example.com` stands for every host below example.com.
    """
    parts = urlsplit(origin.strip())
    host = (parts.hostname or "").removeprefix(WILDCARD)
    extra = parts.path.strip("/") or parts.query or parts.fragment or parts.username
    if parts.scheme not in PORTS or not host or "*" in host or extra:
        raise OriginInvalid(
            f"{origin} is no origin: give scheme, host and port only, like https://www.example.com."
        )
    try:
        plain = host.encode("idna").decode("ascii")
        port = parts.port
    except (UnicodeError, ValueError) as error:
        raise OriginInvalid(f"{origin} holds no host that there could be.") from error
    star = WILDCARD if (parts.hostname or "").startswith(WILDCARD) else ""
    suffix = "" if port in {None, PORTS[parts.scheme]} else f":{port}"
    return f"{parts.scheme}://{star}{plain}{suffix}"


def _matches(origin: str, allowed: str) -> bool:
    if WILDCARD not in allowed:
        return origin == allowed
    scheme, rest = allowed.split(f"://{WILDCARD}", 1)
    return origin.startswith(f"{scheme}://") and origin.endswith(f".{rest}")


def _require(connection: Connection, site_id: str) -> Row[Any]:
    wanted = select(sites).where((sites.c.id == site_id) | (sites.c.key == site_id))
    row = connection.execute(wanted).first()
    if row is None:
        raise SiteNotFound(f"There is no site {site_id}; `frontdesk site list` names them.")
    return row


def _read(row: Row[Any]) -> Site:
    values = row._asdict()
    look = Look.model_validate(row.look)
    return Site(**{**values, "origins": tuple(row.origins), "look": look})
