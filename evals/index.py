"""A suite's articles, indexed as the service would, and kept by what they hold."""

import hashlib
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import cast

from knowledge_base import chunking, embedding, lexical, store
from knowledge_base.articles import Article, Passage
from knowledge_base.embedding import Embedder, read_embedded_text
from knowledge_base.repository import ArticleRepository, StoredPassage
from knowledge_base.search import KnowledgeBase
from knowledge_base.store import build_index, find_generation

Progress = Callable[[int, int], None]
GENERATION = 1


class _Fixed:
    """A repository of passages that do not change."""

    def __init__(self, stored: Sequence[StoredPassage]) -> None:
        self._stored = list(stored)

    def generation(self) -> int:
        return GENERATION

    def passages(self) -> tuple[int, list[StoredPassage]]:
        return GENERATION, self._stored


def split_articles(
    articles: Sequence[Article], embedder: Embedder
) -> dict[str, tuple[Passage, ...]]:
    """Return each article's passages, by its id."""
    return {a.id: tuple(chunking.split(a, embedder.count_tokens)) for a in articles}


@contextmanager
def open_index(
    articles: Sequence[Article], embedder: Embedder, cache: Path, progress: Progress
) -> Iterator[KnowledgeBase]:
    """Open a knowledge base of these articles and no others, made anew unless it is in the cache.

    `progress(done, total)` is told how many passages are embedded.
    """
    root = cache / _make_key(articles, embedder)
    if find_generation(root, GENERATION) is None:
        _build(articles, embedder, root, progress)
    # Searching reads nothing of a repository but its generation, once the index is there.
    repository = cast("ArticleRepository", _Fixed(()))
    knowledge_base = KnowledgeBase(repository, embedder, root)
    knowledge_base.open()
    try:
        yield knowledge_base
    finally:
        knowledge_base.close()


def _build(articles: Sequence[Article], embedder: Embedder, root: Path, progress: Progress) -> None:
    passages = [p for kept in split_articles(articles, embedder).values() for p in kept]
    done = 0

    def count(step: int) -> None:
        nonlocal done
        done += step
        progress(done, len(passages))

    vectors = embedder.encode([read_embedded_text(passage) for passage in passages], count)
    stored = [StoredPassage(p, vector) for p, vector in zip(passages, vectors, strict=True)]
    root.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=".draft-", dir=root.parent))
    try:
        build_index(draft, GENERATION, stored, lambda _: None, embedder.fingerprint)
        shutil.rmtree(root, ignore_errors=True)
        draft.rename(root)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _make_key(articles: Sequence[Article], embedder: Embedder) -> str:
    """Return a hash of all that decides on the index: articles, embedder, and how it is made."""
    digest = hashlib.sha256(embedder.fingerprint.encode())
    for article in articles:
        digest.update(bytes.fromhex(article.content_hash))
    for module in (chunking, embedding, lexical, store):
        digest.update(Path(str(module.__file__)).read_bytes())
    return digest.hexdigest()[:32]
