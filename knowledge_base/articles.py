"""What the knowledge base is made of: articles, and the passages they are split into."""

import hashlib
from dataclasses import dataclass, field

PUBLIC = "public"
STAFF = "staff"
WRITTEN = "desk/"


def is_written(article_id: str) -> bool:
    """Tell whether an article was written at the desk: imports must not remove it."""
    return article_id.startswith(WRITTEN)


def list_readable(audience: str) -> list[str] | None:
    """Return the audiences whose passages `audience` may read, None for all of them."""
    if audience == STAFF:
        return None
    return list(dict.fromkeys([PUBLIC, audience]))


def may_read(audience: str, article_audience: str) -> bool:
    """Whether `audience` may read an article that is for `article_audience`."""
    readable = list_readable(audience)
    return readable is None or article_audience in readable


@dataclass(frozen=True, slots=True)
class Article:
    """One help article, in Markdown."""

    id: str
    title: str
    text: str
    audience: str = PUBLIC

    @property
    def content_hash(self) -> str:
        """The SHA-256 of all that a reader of the article can notice."""
        parts = (self.id, self.title, self.audience, self.text)
        return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Passage:
    """A part of an article that is found, shown to the model and cited.

    `heading_path` holds the headings above it, outermost first, without the title.
    """

    id: str
    article_id: str
    title: str
    heading_path: tuple[str, ...]
    text: str
    audience: str = PUBLIC

    def __post_init__(self) -> None:
        """Keep the path a tuple, whatever it was stored as: passages are compared and hashed."""
        object.__setattr__(self, "heading_path", tuple(self.heading_path))


@dataclass(frozen=True, slots=True)
class Hit:
    """A passage with the evidence that it fits the question.

    `similarity` is the cosine of the embeddings (-1 to 1), `lexical` the BM25 score
    (0 and up), `coverage` the share of the question's terms, weighted by their rarity,
    that stand in the passage (0 to 1), `score` the fused rank score that hits are ordered by.
    """

    passage: Passage
    score: float
    similarity: float
    lexical: float
    coverage: float


@dataclass(frozen=True, slots=True)
class Ranking:
    """The hits for one question, best first, from one generation of the index."""

    question: str
    hits: tuple[Hit, ...] = field(default=())
    generation: int = 0
