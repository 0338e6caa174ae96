"""BM25 over passages, with bm25s, and how much of a question a passage covers."""

import json
import math
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import bm25s
import numpy as np
import Stemmer
from bm25s.stopwords import STOPWORDS_EN_PLUS
from numpy.typing import NDArray

from knowledge_base.articles import Passage
from knowledge_base.embedding import read_embedded_text

TERM = re.compile(r"\w+")
MORE_STOP_TERMS = """
can could may might shall should would will do does did have has had get got i im ive my me we
our you your what when where which who whom whose why how please am
"""
STOP_TERMS = frozenset(STOPWORDS_EN_PLUS) | frozenset(MORE_STOP_TERMS.split())
_STEMMER = Stemmer.Stemmer("english")


def read_terms(text: str) -> list[str]:
    """Return the stems of a text's words in order, without those that stand everywhere."""
    words = [word for word in TERM.findall(text.lower()) if word not in STOP_TERMS]
    return list(_STEMMER.stemWords(words))


class LexicalIndex:
    """BM25 (Robertson and Zaragoza, 2009) over the passages' titles, headings and texts."""

    def __init__(self, bm25: "bm25s.BM25 | None", frequencies: dict[str, int], size: int) -> None:
        self._bm25 = bm25
        self._frequencies = frequencies
        self.size = size

    @classmethod
    def build(cls, passages: Sequence[Passage]) -> Self:
        """Index passages; their places in the sequence are what `score` speaks of."""
        corpus = [read_terms(read_embedded_text(passage)) for passage in passages]
        frequencies = Counter(term for terms in corpus for term in set(terms))
        if not frequencies:
            return cls(None, {}, len(corpus))
        bm25 = bm25s.BM25()
        bm25.index(corpus, show_progress=False)
        return cls(bm25, dict(frequencies), len(corpus))

    def save(self, folder: Path) -> None:
        """Write the index into a folder."""
        folder.mkdir(parents=True, exist_ok=True)
        if self._bm25 is not None:
            self._bm25.save(str(folder))
        saved = {"size": self.size, "frequencies": self._frequencies}
        (folder / "frequencies.json").write_text(json.dumps(saved), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote."""
        saved = json.loads((folder / "frequencies.json").read_text(encoding="utf-8"))
        frequencies: dict[str, int] = saved["frequencies"]
        bm25 = bm25s.BM25.load(str(folder), load_corpus=False) if frequencies else None
        return cls(bm25, frequencies, int(saved["size"]))

    def score(self, question: str, allowed: NDArray[np.bool_]) -> NDArray[np.float32]:
        """Return the BM25 score of each passage, 0 where it is not allowed (shape [passages])."""
        terms = [term for term in read_terms(question) if term in self._frequencies]
        if self._bm25 is None or not terms:
            return np.zeros(self.size, np.float32)
        mask = allowed.astype(np.float32)
        return np.asarray(self._bm25.get_scores(terms, weight_mask=mask), dtype=np.float32)

    def cover(self, question: str, passage: Passage) -> float:
        """Return the share of the question's terms, by rarity, that stand in the passage (0-1)."""
        asked = set(read_terms(question))
        held = set(read_terms(read_embedded_text(passage)))
        weights = {term: self._rarity(term) for term in asked}
        total = sum(weights.values())
        return sum(weights[term] for term in asked & held) / total if total else 0.0

    def _rarity(self, term: str) -> float:
        return math.log(1 + (self.size + 1) / (self._frequencies.get(term, 0) + 0.5))
