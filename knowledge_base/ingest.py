"""Articles into SQL, and SQL into the index."""

import os
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from filelock import FileLock, Timeout

from knowledge_base import chunking
from knowledge_base.articles import Article, is_written
from knowledge_base.embedding import Embedder, read_embedded_text
from knowledge_base.errors import EmbedderChanged, ImportRunning
from knowledge_base.fingerprints import is_foreign, make_fingerprint
from knowledge_base.readers import Unreadable, read_articles
from knowledge_base.repository import ArticleRepository, StoredPassage
from knowledge_base.store import build_index, find_generation, remove_others

BATCH = 32
Notify = Callable[[str, int, int], None]


def ignore(_stage: str, _done: int, _total: int) -> None:
    """Take no notice of progress."""


@dataclass(slots=True)
class ImportReport:
    """What an import did: article ids, and what could not be read.

    `prune_refused` says why nothing was removed though it was asked for, empty if it was.
    """

    added: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    unreadable: list[Unreadable] = field(default_factory=list)
    passages_embedded: int = 0
    generation: int = 0
    prune_refused: str = ""


@dataclass(frozen=True, slots=True)
class Ingest:
    """Imports into one data folder.

    `notify(stage, done, total)` is told of progress in the stages reading, embedding and indexing.
    """

    repository: ArticleRepository
    embedder: Embedder
    index_root: Path
    notify: Notify = ignore

    def import_paths(self, paths: Sequence[Path], *, prune: bool = False) -> ImportReport:
        """Take in every article below the paths; raise ImportRunning if another import runs.

        Articles go in by batches, each in one transaction: whatever kills the import, the same
        call goes on after the last whole batch. What another embedder made is embedded anew.
        """
        with lock_index(self.index_root):
            report, articles = self._read(paths)
            self._take_in(articles, report)
            if prune:
                self._prune({article.id for article in articles}, report)
            self._finish(report)
        return report

    def import_articles(self, articles: Sequence[Article]) -> ImportReport:
        """Take in articles that are at hand, as `import_paths` does with what it reads."""
        with lock_index(self.index_root):
            report = ImportReport()
            self._take_in(articles, report)
            self._finish(report)
        return report

    def rebuild(self) -> int:
        """Make the index anew from SQL, and nothing else; return its generation.

        Articles that this version would split or embed otherwise are stored anew first.
        """
        with lock_index(self.index_root):
            self._renew(self._list_outdated())
            generation, stored = self.repository.passages()
            self._build(generation, stored)
            remove_others(self.index_root, keep=generation)
        return generation

    def _read(self, paths: Sequence[Path]) -> tuple[ImportReport, list[Article]]:
        report, articles = ImportReport(), []
        for item in read_articles(paths):
            if isinstance(item, Unreadable):
                report.unreadable.append(item)
            else:
                articles.append(item)
            self.notify("reading", len(articles), 0)
        return report, articles

    def _take_in(self, articles: Sequence[Article], report: ImportReport) -> None:
        self._save(self._sort(articles, report), report)

    def _finish(self, report: ImportReport) -> None:
        report.passages_embedded += self._renew(self._list_foreign())
        report.generation = self._index()
        remove_others(self.index_root, keep=report.generation, previous=1)

    def _sort(self, articles: Sequence[Article], report: ImportReport) -> list[Article]:
        known = self.repository.fingerprints()
        wanted = []
        for article in articles:
            if known.get(article.id) == make_fingerprint(article, self.embedder):
                report.unchanged.append(article.id)
            else:
                (report.changed if article.id in known else report.added).append(article.id)
                wanted.append(article)
        return wanted

    def _save(self, wanted: Sequence[Article], report: ImportReport) -> None:
        for start in range(0, len(wanted), BATCH):
            self.notify("embedding", start, len(wanted))
            report.passages_embedded += self._store(wanted[start : start + BATCH])
        self.notify("embedding", len(wanted), len(wanted))

    def _store(self, batch: Sequence[Article]) -> int:
        """Split, embed and save some articles in one transaction; return how many passages."""
        passages = [p for a in batch for p in chunking.split(a, self.embedder.count_tokens)]
        vectors = self.embedder.encode([read_embedded_text(passage) for passage in passages])
        stored: dict[str, list[StoredPassage]] = {article.id: [] for article in batch}
        for passage, vector in zip(passages, vectors, strict=True):
            stored[passage.article_id].append(StoredPassage(passage, vector))
        self.repository.save_all(
            [(a, make_fingerprint(a, self.embedder), stored[a.id]) for a in batch]
        )
        return len(passages)

    def _list_foreign(self) -> list[str]:
        return list_foreign(self.repository, self.embedder)

    def _list_outdated(self) -> list[str]:
        return [
            article_id
            for article_id, fingerprint in self.repository.fingerprints().items()
            if (article := self.repository.article(article_id))
            and fingerprint != make_fingerprint(article, self.embedder)
        ]

    def _renew(self, article_ids: Sequence[str]) -> int:
        """Store articles anew from what SQL holds of them; return how many passages."""
        renewed = 0
        for start in range(0, len(article_ids), BATCH):
            self.notify("embedding", start, len(article_ids))
            found = map(self.repository.article, article_ids[start : start + BATCH])
            renewed += self._store([article for article in found if article])
        return renewed

    def _prune(self, present: Collection[str], report: ImportReport) -> None:
        if report.unreadable:
            # What could not be read may well be one of the articles that seem to be gone.
            report.prune_refused = "some of what was to be read could not be; mend that first"
        elif not present:
            report.prune_refused = "the paths hold no article at all; look at them again"
        else:
            kept = self.repository.fingerprints().keys() - present
            report.removed = sorted(kept_id for kept_id in kept if not is_written(kept_id))
            if report.removed:
                self.repository.remove(report.removed)

    def _index(self) -> int:
        return ensure_index(self.repository, self.index_root, self.embedder, self.notify)

    def _build(self, generation: int, stored: Sequence[StoredPassage]) -> None:
        _build(self.index_root, generation, stored, self.embedder, self.notify)


def ensure_index(
    repository: ArticleRepository, root: Path, embedder: Embedder, notify: Notify = ignore
) -> int:
    """Build the index of SQL's generation if it is not there; return the generation.

    Raises EmbedderChanged if another embedder made the vectors in SQL.
    """
    generation = repository.generation()
    if find_generation(root, generation) is None:
        if list_foreign(repository, embedder):
            raise EmbedderChanged(
                "The articles were embedded with another embedder; run `frontdesk kb rebuild`."
            )
        generation, stored = repository.passages()
        _build(root, generation, stored, embedder, notify)
    return generation


def list_foreign(repository: ArticleRepository, embedder: Embedder) -> list[str]:
    """Return the ids of articles whose vectors another embedder made."""
    prints = repository.fingerprints()
    return [article_id for article_id, text in prints.items() if is_foreign(text, embedder)]


def _build(
    root: Path,
    generation: int,
    stored: Sequence[StoredPassage],
    embedder: Embedder,
    notify: Notify,
) -> None:
    done = 0

    def progress(count: int) -> None:
        nonlocal done
        done += count
        notify("indexing", done, len(stored))

    build_index(root, generation, stored, progress, embedder.fingerprint)


@contextmanager
def lock_index(root: Path, timeout_s: float = 0.0) -> Iterator[None]:
    """Hold the data folder's import lock; raise ImportRunning if somebody else has it."""
    root.mkdir(parents=True, exist_ok=True)
    holder = root / "import.pid"
    lock = FileLock(root / "import.lock", timeout=timeout_s)
    try:
        lock.acquire()
    except Timeout as error:
        pid = holder.read_text() if holder.exists() else "?"
        raise ImportRunning(
            f"Process {pid} is importing into {root.parent} or indexing it; wait until it has "
            "ended, or stop it."
        ) from error
    try:
        holder.write_text(str(os.getpid()))
        yield
    finally:
        lock.release()
