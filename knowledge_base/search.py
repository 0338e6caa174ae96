"""Search: dense and lexical, fused, among what the asker may read."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import anyio
import structlog

from knowledge_base.articles import Hit, Ranking, list_readable
from knowledge_base.embedding import Embedder
from knowledge_base.errors import EmbedderChanged, ImportRunning
from knowledge_base.ingest import ensure_index, lock_index
from knowledge_base.repository import ArticleRepository
from knowledge_base.store import (
    Found,
    IndexStore,
    find_generation,
    list_generations,
    remove_others,
)

CANDIDATES = 60
# Between the two weights (0.5 and 0.65) that were measured on three unlike corpora. Both found
# more there than reciprocal ranks did, which forget by how much the best passage is ahead.
SIMILARITY_SHARE = 0.5
LONGEST_QUESTION = 2_000
LONGEST_IMPORT_S = 600

log = structlog.get_logger(__name__)


class KnowledgeBase:
    """The index of the articles in SQL, opened for searching; safe to use from several threads.

    It is a cache: `open` builds the generation that SQL speaks of if it is missing or damaged,
    and `refresh` moves on to a newer one between two questions.
    """

    def __init__(self, repository: ArticleRepository, embedder: Embedder, index_root: Path) -> None:
        self._repository = repository
        self._embedder = embedder
        self._root = index_root
        self._store: IndexStore | None = None
        self._readers: dict[IndexStore, int] = {}
        self._lock = threading.Lock()

    @property
    def generation(self) -> int:
        """The generation that questions are answered from; 0 before `open`."""
        return self._store.generation if self._store else 0

    def __len__(self) -> int:
        """Return how many passages can be found."""
        return len(self._store) if self._store else 0

    def open(self) -> None:
        """Open the index of SQL's generation, building it if need be.

        While an import runs, the newest generation that is finished serves; where there is none,
        this waits for the import's end. Raises EmbedderChanged if the vectors are another's.
        """
        store = self._try_open(self._repository.generation())
        self._swap(store or self._open_or_mend() or self._open_newest() or self._wait())

    def refresh(self) -> bool:
        """Move on to SQL's generation if another process has finished it, or left it unbuilt.

        Return whether the index changed. While an import runs, the old generation serves on, and
        so it does if the new one needs another embedder.
        """
        wanted = self._repository.generation()
        if wanted == self.generation:
            return False
        try:
            store = self._try_open(wanted) or self._open_or_mend()
        except EmbedderChanged as error:
            log.warning("index_not_refreshed", reason=str(error))
            return False
        if store is not None:
            self._swap(store)
        return store is not None

    def close(self) -> None:
        """Let go of the index's files, as soon as no question reads them."""
        self._swap(None)

    async def search(self, question: str, audience: str, limit: int) -> Ranking:
        """Return at most `limit` hits among the passages that `audience` may read.

        `public` reads what is public, `staff` everything, a segment its own and what is public.
        """
        return await anyio.to_thread.run_sync(self.find, question, audience, limit)

    def find(self, question: str, audience: str, limit: int) -> Ranking:
        """Do the work of `search` in the calling thread."""
        with self._borrow() as store:
            generation = store.generation if store else 0
            if store is None or not len(store) or not question.strip() or limit < 1:
                return Ranking(question, (), generation)
            # Half a character (a lone surrogate) is nothing that the tokenizer could read.
            asked = question[:LONGEST_QUESTION].encode(errors="replace").decode()
            return Ranking(question, self._find(store, asked, audience, limit), generation)

    def _find(self, store: IndexStore, asked: str, audience: str, limit: int) -> tuple[Hit, ...]:
        vector = self._embedder.encode([asked])[0]
        depth = max(CANDIDATES, limit)
        _, _, found = store.search(asked, vector, list_readable(audience), depth)
        scores = fuse(found)
        best = sorted(scores, key=lambda i: (-scores[i], i))[:limit]
        return tuple(_hit(found[i], scores[i], store, asked) for i in best)

    def _try_open(self, generation: int) -> IndexStore | None:
        """Return a finished generation, None if it is missing or damaged."""
        folder = find_generation(self._root, generation)
        if folder is None:
            return None
        try:
            store = IndexStore.open(folder)
        except Exception as error:  # noqa: BLE001 - whatever is wrong with a cache, it is made anew
            log.warning("index_damaged", generation=generation, error=str(error))
            return None
        if store.embedder in {"", self._embedder.fingerprint}:
            return store
        store.close()
        raise EmbedderChanged(
            "The index was made with another embedder; run `frontdesk kb rebuild`."
        )

    def _open_or_mend(self, timeout_s: float = 0.0) -> IndexStore | None:
        """Return SQL's generation, built if need be, None if another process is importing."""
        try:
            with lock_index(self._root, timeout_s):
                return self._build()
        except ImportRunning:
            return None

    def _build(self) -> IndexStore | None:
        wanted = self._repository.generation()
        store = self._try_open(wanted)
        if store is None:
            # A damaged one would be taken for built.
            remove_others(self._root, keep=wanted - 1, previous=1)
            store = self._try_open(ensure_index(self._repository, self._root, self._embedder))
        if store is not None:
            remove_others(self._root, keep=store.generation, previous=1)
        return store

    def _open_newest(self) -> IndexStore | None:
        return next(filter(None, map(self._try_open, list_generations(self._root))), None)

    def _wait(self) -> IndexStore:
        store = self._open_or_mend(LONGEST_IMPORT_S)
        if store is None:
            raise ImportRunning(f"An import into {self._root.parent} has not ended; try again.")
        return store

    @contextmanager
    def _borrow(self) -> Iterator[IndexStore | None]:
        """Give the index that is open now; it stays open until it is given back."""
        with self._lock:
            store = self._store
            if store is not None:
                self._readers[store] = self._readers.get(store, 0) + 1
        try:
            yield store
        finally:
            if store is not None:
                with self._lock:
                    self._readers[store] -= 1
                    self._close_unused(store)

    def _swap(self, store: IndexStore | None) -> None:
        with self._lock:
            old, self._store = self._store, store
            if old is not None:
                self._close_unused(old)

    def _close_unused(self, store: IndexStore) -> None:
        if not self._readers.get(store) and store is not self._store:
            self._readers.pop(store, None)
            store.close()


def fuse(found: Mapping[str, Found]) -> dict[str, float]:
    """Return a score of at most 1, by id: similarity and BM25, each as a share of its best.

    A convex combination (Bruch, Gai and Ingber, 2023).
    """
    nearest = max((item.similarity for item in found.values()), default=0.0)
    fullest = max((item.lexical for item in found.values()), default=0.0)
    return {
        passage_id: SIMILARITY_SHARE * _share(item.similarity, nearest)
        + (1 - SIMILARITY_SHARE) * _share(item.lexical, fullest)
        for passage_id, item in found.items()
    }


def _share(value: float, best: float) -> float:
    return max(value, 0.0) / best if best > 0 else 0.0


def _hit(found: Found, score: float, store: IndexStore, question: str) -> Hit:
    covered = store.lexical.cover(question, found.passage)
    return Hit(found.passage, score, found.similarity, found.lexical, covered)
