"""Where articles are kept: SQL holds the truth, and the index is made from it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from knowledge_base.articles import Article, Passage


@dataclass(frozen=True, slots=True)
class StoredPassage:
    """A passage with its embedding, of shape [dimensions] and length one."""

    passage: Passage
    vector: NDArray[np.float32]


class ArticleRepository(Protocol):
    """Keeps articles with their versions and the passages of the current ones."""

    def generation(self) -> int:
        """Return a number that grows with each change to what can be found; 0 at first."""

    def fingerprints(self) -> dict[str, str]:
        """Return the fingerprint that each current article was stored with, by article id."""

    def save_all(self, batch: Sequence[tuple[Article, str, Sequence[StoredPassage]]]) -> None:
        """Add a version of each article and replace its passages, in one transaction."""

    def remove(self, article_ids: Collection[str]) -> None:
        """Withdraw articles, in one transaction; their versions are kept."""

    def passages(self) -> tuple[int, list[StoredPassage]]:
        """Return the generation and its passages, by article id and place."""

    def article(self, article_id: str) -> Article | None:
        """Return the current version of an article, None if there is none."""

    def counts(self) -> dict[str, int]:
        """Return how many articles each audience has."""
