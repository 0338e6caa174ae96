"""Search: dense and lexical, fused, among what the asker may read."""

from collections.abc import Sequence
from pathlib import Path

import anyio
import numpy as np
import structlog
from numpy.typing import NDArray

from knowledge_base.articles import PUBLIC, STAFF, Hit, Ranking
from knowledge_base.embedding import Embedder
from knowledge_base.errors import ImportRunning
from knowledge_base.ingest import ensure_index, lock_index
from knowledge_base.repository import ArticleRepository
from knowledge_base.store import Found, IndexStore, find_generation, remove_others

CANDIDATES = 30
# Reciprocal rank fusion (Cormack et al., 2009). The constant is theirs; dense and lexical weigh
# the same, which was best on two corpora that differ much (see docs/decisions/0003).
RRF = 60
LONGEST_QUESTION = 2_000

log = structlog.get_logger(__name__)


class KnowledgeBase:
    """The index of the articles in SQL, opened for searching.

    It is a cache: `open` builds the generation that SQL speaks of if it is missing or damaged,
    and `refresh` moves on to a newer one between two questions.
    """

    def __init__(self, repository: ArticleRepository, embedder: Embedder, index_root: Path) -> None:
        self._repository = repository
        self._embedder = embedder
        self._root = index_root
        self._store: IndexStore | None = None

    @property
    def generation(self) -> int:
        """The generation that questions are answered from; 0 before `open`."""
        return self._store.generation if self._store else 0

    def __len__(self) -> int:
        """Return how many passages can be found."""
        return len(self._store) if self._store else 0

    def open(self) -> None:
        """Open the index of SQL's generation, building it if need be."""
        with lock_index(self._root, timeout_s=600):
            self._swap(self._open_or_mend())
            remove_others(self._root, keep=self.generation)

    def refresh(self) -> bool:
        """Move on to SQL's generation if another process has finished it, or left it unbuilt.

        Return whether the index changed. While an import runs, the old generation serves on.
        """
        wanted = self._repository.generation()
        if wanted == self.generation:
            return False
        try:
            with lock_index(self._root):
                self._swap(self._open_or_mend())
        except ImportRunning:
            return False
        return True

    def close(self) -> None:
        """Let go of the index's files."""
        if self._store:
            self._store.close()
            self._store = None

    async def search(self, question: str, audience: str, limit: int) -> Ranking:
        """Return at most `limit` hits among the passages that `audience` may read.

        `public` reads what is public, `staff` everything, a segment its own and what is public.
        """
        return await anyio.to_thread.run_sync(self.find, question, audience, limit)

    def find(self, question: str, audience: str, limit: int) -> Ranking:
        """Do the work of `search` in the calling thread."""
        store = self._store
        if store is None or not len(store) or not question.strip():
            return Ranking(question, (), self.generation)
        asked = question[:LONGEST_QUESTION]
        vector: NDArray[np.float32] = self._embedder.encode([asked])[0]
        depth = max(CANDIDATES, limit)
        near, alike, found = store.search(asked, vector, list_readable(audience), depth)
        scores = fuse(near, alike)
        best = sorted(scores, key=lambda i: (-scores[i], i))[:limit]
        hits = tuple(_hit(found[i], scores[i], store, asked) for i in best)
        return Ranking(question, hits, store.generation)

    def _open_or_mend(self) -> IndexStore:
        generation = ensure_index(self._repository, self._root, lambda *_: None)
        folder = find_generation(self._root, generation)
        try:
            if folder is None:
                raise FileNotFoundError(self._root)
            return IndexStore.open(folder)
        except Exception:  # noqa: BLE001 - whatever is wrong with a cache, making it anew mends it
            log.warning("index_damaged", generation=generation)
            remove_others(self._root, keep=-1)
            generation = ensure_index(self._repository, self._root, lambda *_: None)
            return IndexStore.open(find_generation(self._root, generation) or self._root)

    def _swap(self, store: IndexStore) -> None:
        # A question may still be reading the old one: it is closed when nothing holds it any more.
        self._store = store


def list_readable(audience: str) -> list[str] | None:
    """Return the audiences whose passages `audience` may read, None for all of them."""
    if audience == STAFF:
        return None
    return list(dict.fromkeys([PUBLIC, audience]))


def fuse(*rankings: Sequence[str]) -> dict[str, float]:
    """Return reciprocal rank scores, by id, of what any of the rankings holds."""
    scores: dict[str, float] = {}
    for ranking in rankings:
        for place, passage_id in enumerate(ranking, 1):
            scores[passage_id] = scores.get(passage_id, 0.0) + 1 / (RRF + place)
    return scores


def _hit(found: Found, score: float, store: IndexStore, question: str) -> Hit:
    covered = store.lexical.cover(question, found.passage)
    return Hit(found.passage, score, found.similarity, found.lexical, covered)
