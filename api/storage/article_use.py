"""How articles fared: how often they answered, helped and failed, and what they were before."""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Engine, Row, Select, Subquery, Text, case, cast, func, select

from agent.state import Reply, Source
from api.storage.database import read_from
from api.storage.desk_tables import handoffs
from api.storage.facts import select_citations
from api.storage.tables import (
    article_versions,
    articles,
    passages,
    ratings,
    replies,
    turns,
)
from knowledge_base.articles import Passage

# A process goes on answering from the old index for the few seconds until it looks again.
INDEX_LAG = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class UsedArticle:
    """A current article, and the replies that cited it.

    It failed where the customer said so, or where the next thing was a hand-off.
    """

    id: str
    title: str
    audience: str
    version: int
    changed_at: datetime
    cited: int
    helped: int
    failed: int


@dataclass(frozen=True, slots=True)
class Version:
    """What an article said from `stored_at` on; `withdrawn_at` is when it was taken away."""

    article_id: str
    version: int
    title: str
    text: str
    audience: str
    stored_at: datetime
    withdrawn_at: datetime | None


@dataclass(frozen=True, slots=True)
class CitingTurn:
    """A turn that was answered from an article, and what it read there."""

    turn_id: str
    conversation_id: str
    question: str
    created_at: datetime
    sources: tuple[Source, ...]


@dataclass(frozen=True, slots=True)
class Storing:
    """That a version of an article came in."""

    article_id: str
    title: str
    version: int
    stored_at: datetime


class ArticleUse:
    """Reads how articles fared. Each method is one transaction and blocks."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._dialect = engine.dialect.name

    def list_used(self, since: datetime) -> list[UsedArticle]:
        """Return the current articles with their use since a moment, most cited first."""
        fates = self._select_fates(since).subquery("fates")
        counted = [func.coalesce(fates.c[name], 0).label(name) for name in USES]
        wanted = (
            select(*_describe_current(), *counted)
            .select_from(articles.join(article_versions))
            .outerjoin(fates, fates.c.article_id == articles.c.id)
            .order_by(counted[0].desc(), article_versions.c.title)
        )
        with read_from(self._engine) as connection:
            return [UsedArticle(**row._asdict()) for row in connection.execute(wanted)]

    def read_stored(self) -> dict[str, datetime]:
        """Return when each current article came in, by its id."""
        wanted = select(articles.c.id, article_versions.c.stored_at)
        with read_from(self._engine) as connection:
            rows = connection.execute(wanted.select_from(articles.join(article_versions)))
            return {row.id: row.stored_at for row in rows}

    def list_versions(self, article_id: str) -> list[Version]:
        """Return what an article was, newest first; nothing if there never was one."""
        wanted = (
            select(*_describe_version())
            .where(article_versions.c.article_id == article_id)
            .order_by(article_versions.c.version.desc())
        )
        with read_from(self._engine) as connection:
            return [Version(**row._asdict()) for row in connection.execute(wanted)]

    def list_passages(self, article_id: str) -> list[Passage]:
        """Return an article's current passages, in their order."""
        own = select(passages).where(passages.c.article_id == article_id)
        with read_from(self._engine) as connection:
            rows = connection.execute(own.order_by(passages.c.position)).all()
        return [
            Passage(r.id, r.article_id, r.title, tuple(r.heading_path), r.text, r.audience)
            for r in rows
        ]

    def list_citing(self, article_id: str, before: datetime, limit: int = 200) -> list[CitingTurn]:
        """Return the turns whose replies cited the article, newest first, up to a moment.

        `limit` replies are looked at, those among them that only had it in hand.
        """
        # What names the article is found as text, which is quick, and read whole only then.
        named = cast(replies.c.reply, Text).contains(json.dumps(article_id), autoescape=True)
        wanted = (
            select(turns, replies.c.reply)
            .select_from(turns.join(replies))
            .where(named, turns.c.created_at < before + INDEX_LAG)
            .order_by(turns.c.created_at.desc())
            .limit(limit)
        )
        with read_from(self._engine) as connection:
            found = [_read_citing(row, article_id) for row in connection.execute(wanted)]
        return [turn for turn in found if turn.sources]

    def list_stored(self, limit: int = 2000) -> list[Storing]:
        """Return what came in, newest first."""
        columns = [article_versions.c[name] for name in ("article_id", "title", "version")]
        wanted = (
            select(*columns, article_versions.c.stored_at)
            .order_by(article_versions.c.id.desc())
            .limit(limit)
        )
        with read_from(self._engine) as connection:
            return [Storing(**row._asdict()) for row in connection.execute(wanted)]

    def _select_fates(self, since: datetime) -> Select[Any]:
        cited = select_citations(self._dialect, since).subquery("cited")
        following = turns.alias("following")
        failed = ratings.c.helpful.is_(False) | handoffs.c.id.is_not(None)
        return (
            select(
                cited.c.article_id,
                func.count().label("cited"),
                _count(ratings.c.helpful.is_(True)).label("helped"),
                _count(failed).label("failed"),
            )
            .select_from(_join_following(cited, following))
            .group_by(cited.c.article_id)
        )


USES = ("cited", "helped", "failed")


def _join_following(cited: Subquery, following: Any) -> Any:  # noqa: ANN401 - an alias and a join
    next_one = (following.c.conversation_id == turns.c.conversation_id) & (
        following.c.position == turns.c.position + 1
    )
    return (
        cited.join(turns, turns.c.id == cited.c.turn_id)
        .outerjoin(ratings, ratings.c.turn_id == turns.c.id)
        .outerjoin(following, next_one)
        .outerjoin(handoffs, handoffs.c.turn_id == following.c.id)
    )


def _count(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return func.sum(case((condition, 1), else_=0))


def _describe_current() -> list[ColumnElement[Any]]:
    return [
        articles.c.id,
        article_versions.c.title,
        article_versions.c.audience,
        article_versions.c.version,
        article_versions.c.stored_at.label("changed_at"),
    ]


def _describe_version() -> list[ColumnElement[Any]]:
    names = ("article_id", "version", "title", "text", "audience", "stored_at", "withdrawn_at")
    return [article_versions.c[name] for name in names]


def _read_citing(row: Row[Any], article_id: str) -> CitingTurn:
    reply = Reply.model_validate(row.reply)
    cited = {passage_id for sentence in reply.sentences for passage_id in sentence.citations}
    sources = tuple(
        source
        for source in reply.sources
        if source.article_id == article_id and source.passage_id in cited
    )
    return CitingTurn(row.id, row.conversation_id, row.question, row.created_at, sources)
