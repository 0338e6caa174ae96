"""Sites: what the widget asks before it opens."""

from typing import Annotated

from anyio import to_thread
from fastapi import APIRouter, Path

from api.customers import find_site
from api.dependencies import OpenServices
from api.routes.conversations import PROBLEM, STARTING
from api.schemas import SiteView

LOCALES = ("en", "de", "es", "ar")

router = APIRouter(prefix="/v1/sites", tags=["sites"])


@router.get(
    "/{key}",
    responses={404: {**PROBLEM, "description": "There is no such site, or it is disabled."},
               **STARTING},
)  # fmt: skip
async def read_site(key: Annotated[str, Path(max_length=64)], services: OpenServices) -> SiteView:
    """Read how the widget looks on a site."""
    site = await to_thread.run_sync(find_site, services.sites, key)
    return SiteView(name=site.name, look=site.look, locales=list(LOCALES))
