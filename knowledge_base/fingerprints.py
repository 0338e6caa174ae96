"""What an article was stored as: its content, how it was split, and what embedded it."""

from knowledge_base import chunking
from knowledge_base.articles import Article
from knowledge_base.embedding import Embedder

LENGTH = 40


def make_fingerprint(article: Article, embedder: Embedder) -> str:
    """Return a text of less than 64 characters; the same article would be stored the same way."""
    return "/".join((article.content_hash[:LENGTH], chunking.VERSION, embedder.fingerprint))


def is_foreign(fingerprint: str, embedder: Embedder) -> bool:
    """Tell whether another embedder made the vectors of what was stored with this fingerprint."""
    parts = fingerprint.split("/")
    return len(parts) == 3 and parts[2] != embedder.fingerprint  # noqa: PLR2004 - see above
