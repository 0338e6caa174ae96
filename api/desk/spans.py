"""The days that a page looks back on, and the site that it is about."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Literal

from anyio import to_thread
from fastapi import Depends, Query

from api.desk.knowledge import OpenKnowledge

Days = Literal["7", "30", "90"]


@dataclass(frozen=True, slots=True)
class Span:
    """The last `days`, of one site or of all; `sites` are those that can be chosen."""

    days: int
    site_id: str | None
    sites: Sequence[tuple[str, str]]

    def since(self, now: Callable[[], datetime]) -> datetime:
        """Return when it begins."""
        return now() - timedelta(days=self.days)


async def choose_span(
    knowledge: OpenKnowledge,
    days: Annotated[Days, Query()] = "30",
    site: Annotated[str, Query(max_length=64)] = "",
) -> Span:
    """Return the span that the address asks for; a site that there is none of is all of them."""
    sites = await to_thread.run_sync(knowledge.numbers.list_sites)
    known = site if site in {site_id for site_id, _ in sites} else None
    return Span(int(days), known, sites)


ChosenSpan = Annotated[Span, Depends(choose_span)]
