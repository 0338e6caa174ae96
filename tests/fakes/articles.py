"""An article repository in a dictionary."""

from collections import Counter
from collections.abc import Collection, Sequence

from knowledge_base.articles import Article
from knowledge_base.repository import StoredPassage


class FakeArticleRepository:
    def __init__(self) -> None:
        self._kept: dict[str, tuple[Article, str, list[StoredPassage]]] = {}
        self._generation = 0

    def generation(self) -> int:
        return self._generation

    def fingerprints(self) -> dict[str, str]:
        return {article_id: kept[1] for article_id, kept in self._kept.items()}

    def save_all(self, batch: Sequence[tuple[Article, str, Sequence[StoredPassage]]]) -> None:
        for article, fingerprint, stored in batch:
            self._kept[article.id] = (article, fingerprint, list(stored))
        self._generation += bool(batch)

    def remove(self, article_ids: Collection[str]) -> None:
        for article_id in article_ids:
            self._kept.pop(article_id, None)
        self._generation += bool(article_ids)

    def passages(self) -> tuple[int, list[StoredPassage]]:
        ordered = [stored for _, kept in sorted(self._kept.items()) for stored in kept[2]]
        return self._generation, ordered

    def article(self, article_id: str) -> Article | None:
        kept = self._kept.get(article_id)
        return kept[0] if kept else None

    def counts(self) -> dict[str, int]:
        return dict(Counter(article.audience for article, _, _ in self._kept.values()))
