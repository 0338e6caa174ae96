"""Articles into SQL, and SQL into the index."""

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from filelock import FileLock, Timeout

from knowledge_base import chunking
from knowledge_base.articles import Article
from knowledge_base.embedding import Embedder, read_embedded_text
from knowledge_base.errors import ImportRunning
from knowledge_base.readers import Unreadable, read_articles
from knowledge_base.repository import ArticleRepository, StoredPassage
from knowledge_base.store import build_index, find_generation, remove_others

BATCH = 32
Notify = Callable[[str, int, int], None]


@dataclass(slots=True)
class ImportReport:
    """What an import did: article ids, and what could not be read."""

    added: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    unreadable: list[Unreadable] = field(default_factory=list)
    passages_embedded: int = 0
    generation: int = 0
    prune_refused: bool = False


@dataclass(frozen=True, slots=True)
class Ingest:
    """Imports into one data folder.

    `notify(stage, done, total)` is told of progress in the stages reading, embedding and indexing.
    """

    repository: ArticleRepository
    embedder: Embedder
    index_root: Path
    notify: Notify = lambda _stage, _done, _total: None

    def import_paths(self, paths: Sequence[Path], *, prune: bool = False) -> ImportReport:
        """Take in every article below the paths; raise ImportRunning if another import runs.

        Articles go in by batches, each in one transaction: whatever kills the import, the same
        call goes on after the last whole batch.
        """
        with lock_index(self.index_root):
            report, articles = self._read(paths)
            wanted = self._sort(articles, report)
            self._save(wanted, report)
            if prune:
                self._prune({article.id for article in articles}, report)
            report.generation = self._index()
        return report

    def rebuild(self) -> int:
        """Make the index anew from SQL; return its generation."""
        with lock_index(self.index_root):
            remove_others(self.index_root, keep=-1)
            return self._index()

    def _read(self, paths: Sequence[Path]) -> tuple[ImportReport, list[Article]]:
        report, articles = ImportReport(), []
        for item in read_articles(paths):
            if isinstance(item, Unreadable):
                report.unreadable.append(item)
            else:
                articles.append(item)
            self.notify("reading", len(articles), 0)
        return report, articles

    def _sort(self, articles: Sequence[Article], report: ImportReport) -> list[Article]:
        known = self.repository.fingerprints()
        wanted = []
        for article in articles:
            if known.get(article.id) == self._fingerprint(article):
                report.unchanged.append(article.id)
            else:
                (report.changed if article.id in known else report.added).append(article.id)
                wanted.append(article)
        return wanted

    def _save(self, wanted: Sequence[Article], report: ImportReport) -> None:
        for start in range(0, len(wanted), BATCH):
            batch = []
            for place, article in enumerate(wanted[start : start + BATCH], start):
                self.notify("embedding", place, len(wanted))
                batch.append((article, self._fingerprint(article), self._embed(article)))
            self.repository.save_all(batch)
            report.passages_embedded += sum(len(stored) for _, _, stored in batch)
        self.notify("embedding", len(wanted), len(wanted))

    def _embed(self, article: Article) -> list[StoredPassage]:
        passages = chunking.split(article, self.embedder.count_tokens)
        vectors = self.embedder.encode([read_embedded_text(passage) for passage in passages])
        return [StoredPassage(p, vector) for p, vector in zip(passages, vectors, strict=True)]

    def _fingerprint(self, article: Article) -> str:
        parts = (article.content_hash, chunking.VERSION, self.embedder.fingerprint)
        return hashlib.sha256("/".join(parts).encode()).hexdigest()

    def _prune(self, present: set[str], report: ImportReport) -> None:
        # What could not be read may well be one of the articles that seem to be gone.
        if report.unreadable:
            report.prune_refused = True
            return
        report.removed = sorted(self.repository.fingerprints().keys() - present)
        if report.removed:
            self.repository.remove(report.removed)

    def _index(self) -> int:
        return ensure_index(self.repository, self.index_root, self.notify)


def ensure_index(repository: ArticleRepository, root: Path, notify: Notify) -> int:
    """Build the index of SQL's generation if it is not there; return the generation."""
    generation = repository.generation()
    if find_generation(root, generation) is None:
        generation, stored = repository.passages()
        done = 0

        def progress(count: int) -> None:
            nonlocal done
            done += count
            notify("indexing", done, len(stored))

        build_index(root, generation, stored, progress)
    return generation


@contextmanager
def lock_index(root: Path, timeout_s: float = 0.0) -> Iterator[None]:
    """Hold the data folder's import lock; raise ImportRunning if somebody else has it."""
    root.mkdir(parents=True, exist_ok=True)
    holder = root / "import.pid"
    try:
        with FileLock(root / "import.lock", timeout=timeout_s):
            holder.write_text(str(os.getpid()))
            yield
    except Timeout as error:
        pid = holder.read_text() if holder.exists() else "?"
        raise ImportRunning(
            f"Another import (process {pid}) is at work in {root.parent}; wait until it has ended."
        ) from error
