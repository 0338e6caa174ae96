"""Articles in SQL: every version, and the passages of the current ones."""

from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
from sqlalchemy import Connection, Engine, Row, Select, delete, func, insert, select, update

from api.storage.database import read_from, write_to
from api.storage.tables import article_versions, articles, generations, passages
from knowledge_base.articles import Article, Passage
from knowledge_base.repository import StoredPassage

VECTOR = np.dtype("<f4")


def read_utc() -> datetime:
    """Return this moment."""
    return datetime.now(UTC)


class SqlArticleRepository:
    """An ArticleRepository (see knowledge_base.repository) in SQLite or PostgreSQL."""

    def __init__(self, engine: Engine, now: Callable[[], datetime] = read_utc) -> None:
        self._engine = engine
        self._now = now

    def generation(self) -> int:
        """Return the number of the last change; 0 at first."""
        with read_from(self._engine) as connection:
            return _read_generation(connection)

    def fingerprints(self) -> dict[str, str]:
        """Return each current article's fingerprint by its id."""
        with read_from(self._engine) as connection:
            rows = connection.execute(_current(articles.c.id, article_versions.c.fingerprint))
            return {row[0]: row[1] for row in rows}

    def save_all(self, batch: Sequence[tuple[Article, str, Sequence[StoredPassage]]]) -> None:
        """Add a version of each article and replace its passages, in one transaction."""
        if not batch:
            return
        with write_to(self._engine) as connection:
            # First, so that on PostgreSQL its row's lock lets one writer in at a time.
            _grow_generation(connection)
            for article, fingerprint, stored in batch:
                version_id = self._add_version(connection, article, fingerprint)
                _point_at(connection, article.id, version_id)
                _replace_passages(connection, article.id, stored)

    def remove(self, article_ids: Collection[str]) -> None:
        """Withdraw articles, in one transaction; unknown ones are left out."""
        with write_to(self._engine) as connection:
            rows = connection.execute(
                select(articles.c.id, articles.c.version_id).where(articles.c.id.in_(article_ids))
            ).all()
            if not rows:
                return
            _grow_generation(connection)
            connection.execute(
                update(article_versions)
                .where(article_versions.c.id.in_([row.version_id for row in rows]))
                .values(withdrawn_at=self._now())
            )
            connection.execute(delete(articles).where(articles.c.id.in_([row.id for row in rows])))

    def passages(self) -> tuple[int, list[StoredPassage]]:
        """Return the generation and its passages, by article id and place."""
        ordered = select(passages).order_by(passages.c.article_id, passages.c.position)
        with read_from(self._engine) as connection:
            generation = _read_generation(connection)
            found = [_read_passage(row) for row in connection.execute(ordered)]
        # Databases order text by their own collations; this is the same everywhere.
        return generation, sorted(found, key=lambda stored: stored.passage.article_id)

    def article(self, article_id: str) -> Article | None:
        """Return the current version of an article, None if there is none."""
        columns = (
            articles.c.id,
            article_versions.c.title,
            article_versions.c.text,
            article_versions.c.audience,
        )
        with read_from(self._engine) as connection:
            row = connection.execute(_current(*columns).where(articles.c.id == article_id)).first()
        return Article(row.id, row.title, row.text, row.audience) if row else None

    def counts(self) -> dict[str, int]:
        """Return how many articles each audience has."""
        audience = article_versions.c.audience
        with read_from(self._engine) as connection:
            rows = connection.execute(_current(audience, func.count()).group_by(audience))
            return {row[0]: row[1] for row in rows}

    def _add_version(self, connection: Connection, article: Article, fingerprint: str) -> int:
        newest = select(func.max(article_versions.c.version)).where(
            article_versions.c.article_id == article.id
        )
        result = connection.execute(
            insert(article_versions).values(
                article_id=article.id,
                version=(connection.scalar(newest) or 0) + 1,
                title=article.title,
                text=article.text,
                audience=article.audience,
                fingerprint=fingerprint,
                stored_at=self._now(),
            )
        )
        key = result.inserted_primary_key
        assert key is not None
        return int(key[0])


def _current(*columns: Any) -> Select[Any]:  # noqa: ANN401 - any column or aggregate
    return select(*columns).select_from(articles.join(article_versions))


def _read_generation(connection: Connection) -> int:
    return int(connection.scalar(select(generations.c.generation)) or 0)


def _grow_generation(connection: Connection) -> None:
    connection.execute(update(generations).values(generation=generations.c.generation + 1))


def _point_at(connection: Connection, article_id: str, version_id: int) -> None:
    pointed = connection.execute(
        update(articles).where(articles.c.id == article_id).values(version_id=version_id)
    )
    if not pointed.rowcount:
        connection.execute(insert(articles).values(id=article_id, version_id=version_id))


def _replace_passages(
    connection: Connection, article_id: str, stored: Sequence[StoredPassage]
) -> None:
    connection.execute(delete(passages).where(passages.c.article_id == article_id))
    rows = [_write_passage(article_id, place, item) for place, item in enumerate(stored)]
    if rows:
        connection.execute(insert(passages), rows)


def _write_passage(article_id: str, position: int, stored: StoredPassage) -> dict[str, Any]:
    return {
        "article_id": article_id,
        "position": position,
        "id": stored.passage.id,
        "title": stored.passage.title,
        "heading_path": list(stored.passage.heading_path),
        "text": stored.passage.text,
        "audience": stored.passage.audience,
        "vector": stored.vector.astype(VECTOR).tobytes(),
    }


def _read_passage(row: Row[Any]) -> StoredPassage:
    passage = Passage(
        row.id, row.article_id, row.title, tuple(row.heading_path), row.text, row.audience
    )
    return StoredPassage(passage, np.frombuffer(row.vector, VECTOR).astype(np.float32))
