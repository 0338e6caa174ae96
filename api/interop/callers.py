"""Which program is calling, and what it may read."""

from dataclasses import dataclass
from ipaddress import ip_address
from typing import Annotated
from urllib.parse import urlsplit

from anyio import to_thread
from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from api.assembly import Services
from api.dependencies import OpenServices
from api.storage.api_keys import KeyRefused
from knowledge_base.articles import PUBLIC

LOOPBACK_NAMES = ("127.0.0.1", "localhost", "[::1]")
NO_KEY_MADE = (
    "No key has been made yet, so this interface is closed. `frontdesk key add NAME` makes one; "
    "send it as `Authorization: Bearer fdk_…`."
)
NO_KEY_SENT = "Send a key as `Authorization: Bearer fdk_…`; `frontdesk key add NAME` makes one."
bearer = HTTPBearer(
    scheme_name="key", description="A key of `frontdesk key add`.", auto_error=False
)


@dataclass(frozen=True, slots=True)
class Caller:
    """A program that may call, and the audience whose articles it reads."""

    name: str
    audience: str


async def admit(
    request: Request,
    services: OpenServices,
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)],
) -> Caller:
    """Return who calls; raises KeyRefused, or NotReady while the service starts.

    Until the first key is made, programs on this machine are let in if the settings say so.
    """
    if not await to_thread.run_sync(services.api_keys.any_made):
        return _admit_without_keys(request, services)
    if credentials is None:
        raise KeyRefused(NO_KEY_SENT)
    key = await to_thread.run_sync(services.api_keys.check, credentials.credentials)
    return Caller(key.name, key.audience)


AdmittedCaller = Annotated[Caller, Depends(admit)]


def _admit_without_keys(request: Request, services: Services) -> Caller:
    settings = services.settings
    if settings.open_interop and not settings.behind_proxy and is_local(request):
        return Caller("this machine", PUBLIC)
    raise KeyRefused(NO_KEY_MADE)


def is_local(request: Request) -> bool:
    """Whether a program on this machine asks, by its own account and not for somebody else.

    A proxy on this machine has a loopback address too, and so has a browser here that runs a
    stranger's page: the first adds headers, the second names the page's host or origin.
    """
    headers = request.headers
    if request.client is None or not _is_loopback(request.client.host):
        return False
    if "forwarded" in headers or any(name.startswith("x-forwarded-") for name in headers):
        return False
    origin = headers.get("origin")
    hosts = [f"//{headers.get('host', '')}", *([origin] if origin else [])]
    return all(_read_name(host) in {"127.0.0.1", "localhost", "::1"} for host in hosts)


def _is_loopback(address: str) -> bool:
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return False


def _read_name(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None
