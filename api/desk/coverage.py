"""Articles that came in after a question was asked, and seem to answer it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from anyio import to_thread
from cachetools import LRUCache

from agent.ports import Search
from api.desk.grouping import Group
from api.storage.article_use import ArticleUse
from knowledge_base.articles import PUBLIC

# A passage as near as this is about the same thing; whether it answers is for staff to judge.
NEAR = 0.5
REMEMBERED = 500


@dataclass(frozen=True, slots=True)
class Covering:
    """The article that is nearest to a group's questions, newer than all of them."""

    article_id: str
    title: str


class Coverage:
    """Looks each group up in the index, as long as something is newer than its questions."""

    def __init__(self, search: Search, use: ArticleUse) -> None:
        self._search = search
        self._use = use
        self._known: LRUCache[tuple[str, datetime], Covering | None] = LRUCache(REMEMBERED)

    async def find(self, groups: Sequence[Group]) -> Mapping[str, Covering]:
        """Return the covering article of each group that has one, by its representative's turn."""
        stored = await to_thread.run_sync(self._use.read_stored)
        newest = max(stored.values(), default=None)
        found: dict[str, Covering] = {}
        for group in groups:
            if newest is None or group.last_seen >= newest:
                continue
            covering = await self._look_up(group, newest, stored)
            if covering is not None:
                found[group.representative.turn_id] = covering
        return found

    async def _look_up(
        self, group: Group, newest: datetime, stored: Mapping[str, datetime]
    ) -> Covering | None:
        key = (group.representative.turn_id, newest)
        if key not in self._known:
            ranking = await self._search.search(group.representative.question, PUBLIC, 1)
            near = [hit.passage for hit in ranking.hits if hit.similarity >= NEAR]
            self._known[key] = next((Covering(p.article_id, p.title) for p in near), None)
        covering = self._known[key]
        if covering is None or stored.get(covering.article_id, group.last_seen) <= group.last_seen:
            return None
        return covering
