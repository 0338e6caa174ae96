"""The tables, as the newest migration leaves them."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class UtcTime(TypeDecorator[datetime]):
    """A moment in UTC; SQLite keeps no time zone, so it is put back on reading."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, _dialect: object) -> datetime | None:
        """Turn any moment into UTC."""
        return value.astimezone(UTC) if value else None

    def process_result_value(self, value: Any | None, _dialect: object) -> datetime | None:  # noqa: ANN401 - as the base class has it
        """Say that it is UTC."""
        if value is None:
            return None
        moment: datetime = value if value.tzinfo else value.replace(tzinfo=UTC)
        return moment.astimezone(UTC)


article_versions = Table(
    "article_versions",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("article_id", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("title", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("audience", Text, nullable=False),
    Column("fingerprint", Text, nullable=False),
    Column("stored_at", UtcTime, nullable=False),
    Column("withdrawn_at", UtcTime),
    UniqueConstraint("article_id", "version"),
)

articles = Table(
    "articles",
    metadata,
    Column("id", Text, primary_key=True),
    Column("version_id", ForeignKey(article_versions.c.id), nullable=False, unique=True),
)

passages = Table(
    "passages",
    metadata,
    Column("article_id", ForeignKey(articles.c.id, ondelete="CASCADE"), primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("id", Text, nullable=False, unique=True),
    Column("title", Text, nullable=False),
    Column("heading_path", JSON, nullable=False),
    Column("text", Text, nullable=False),
    Column("audience", Text, nullable=False),
    Column("vector", LargeBinary, nullable=False),
)

# One row, id 1: the number of the commit that last changed what can be found.
generations = Table(
    "generations",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("generation", Integer, nullable=False),
    CheckConstraint("id = 1", name="one_row"),
)

conversations = Table(
    "conversations",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("audience", Text, nullable=False),
    Column("started_at", UtcTime, nullable=False),
    Column("site_id", String(64), index=True),
    Column("visitor", String(64)),
    Column("user", JSON(none_as_null=True)),
    Column("locale", String(16)),
)

turns = Table(
    "turns",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("conversation_id", ForeignKey(conversations.c.id), nullable=False),
    Column("position", Integer, nullable=False),
    Column("message_id", String(128)),
    Column("question", Text, nullable=False),
    Column("status", String(16), nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("wish", String(16)),
    UniqueConstraint("conversation_id", "position"),
    UniqueConstraint("conversation_id", "message_id"),
    CheckConstraint("status IN ('pending', 'done')", name="status"),
    Index(None, "status"),
)

replies = Table(
    "replies",
    metadata,
    Column("turn_id", ForeignKey(turns.c.id), primary_key=True),
    Column("reply", JSON, nullable=False),
    Column("finished_at", UtcTime, nullable=False),
)

ratings = Table(
    "ratings",
    metadata,
    Column("turn_id", ForeignKey(turns.c.id), primary_key=True),
    Column("helpful", Boolean, nullable=False),
    Column("comment", Text),
    Column("rated_at", UtcTime, nullable=False),
)
