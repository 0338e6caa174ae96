"""The tables of the desk and of those outside: hand-offs, staff, webhooks, sites, keys."""

from sqlalchemy import (
    JSON,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from api.storage.tables import UtcTime, conversations, metadata, turns

OPEN = text("state IN ('waiting', 'taken')")

staff = Table(
    "staff",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("email", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("password_hash", Text, nullable=False),
    Column("role", String(16), nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("disabled_at", UtcTime),
    CheckConstraint("role IN ('agent', 'admin')", name="role"),
)

# The id is the hash of what the cookie holds: who reads the table can log in as nobody.
staff_sessions = Table(
    "staff_sessions",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("staff_id", ForeignKey(staff.c.id, ondelete="CASCADE"), nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("expires_at", UtcTime, nullable=False),
    Column("seen_at", UtcTime, nullable=False),
    Index(None, "seen_at"),
)

handoffs = Table(
    "handoffs",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("conversation_id", ForeignKey(conversations.c.id), nullable=False),
    Column("turn_id", ForeignKey(turns.c.id), nullable=False, unique=True),
    Column("reason", String(32), nullable=False),
    Column("language", String(16), nullable=False),
    Column("urgency", Integer, nullable=False),
    Column("state", String(16), nullable=False),
    Column("staff_id", ForeignKey(staff.c.id)),
    Column("summary", Text),
    Column("email", Text),
    Column("created_at", UtcTime, nullable=False),
    Column("taken_at", UtcTime),
    Column("ended_at", UtcTime),
    CheckConstraint("state IN ('waiting', 'taken', 'returned', 'closed')", name="state"),
    Index(None, "conversation_id", "created_at"),
    Index("uq_handoffs_open", "conversation_id", unique=True, sqlite_where=OPEN,
          postgresql_where=OPEN),
    Index(None, "state"),
)  # fmt: skip

messages = Table(
    "messages",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("conversation_id", ForeignKey(conversations.c.id), nullable=False),
    Column("handoff_id", ForeignKey(handoffs.c.id), nullable=False),
    Column("staff_id", ForeignKey(staff.c.id), nullable=False),
    Column("message_id", String(128), nullable=False),
    Column("text", Text, nullable=False),
    Column("sources", JSON, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    UniqueConstraint("conversation_id", "message_id"),
)

suggestions = Table(
    "suggestions",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("handoff_id", ForeignKey(handoffs.c.id), nullable=False),
    Column("turn_id", ForeignKey(turns.c.id), nullable=False),
    Column("text", Text, nullable=False),
    Column("sentences", JSON, nullable=False),
    Column("sources", JSON, nullable=False),
    Column("state", String(16), nullable=False),
    Column("fate", String(16)),
    Column("sent_text", Text),
    Column("edit_distance", Integer),
    Column("created_at", UtcTime, nullable=False),
    Column("settled_at", UtcTime),
    UniqueConstraint("handoff_id", "turn_id"),
    CheckConstraint("state IN ('ready', 'failed')", name="state"),
    CheckConstraint("fate IN ('used', 'edited', 'discarded')", name="fate"),
)

# Only ever added to: whatever is live is read from here, by the number that was seen last.
happenings = Table(
    "happenings",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("conversation_id", ForeignKey(conversations.c.id), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("data", JSON, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Index(None, "conversation_id", "id"),
)

outbox = Table(
    "outbox",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("kind", String(64), nullable=False),
    Column("key", String(200), nullable=False, unique=True),
    Column("payload", JSON, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Index(None, "created_at"),
)

webhooks = Table(
    "webhooks",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("url", Text, nullable=False),
    Column("secret", Text, nullable=False),
    Column("kinds", JSON, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("disabled_at", UtcTime),
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("outbox_id", ForeignKey(outbox.c.id, ondelete="CASCADE"), primary_key=True),
    Column("webhook_id", ForeignKey(webhooks.c.id, ondelete="CASCADE"), primary_key=True),
    Column("attempts", Integer, nullable=False),
    Column("next_at", UtcTime),
    Column("delivered_at", UtcTime),
    Column("failed_at", UtcTime),
    Column("status", Integer),
    Column("error", Text),
    Index(None, "next_at"),
)

sites = Table(
    "sites",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("name", Text, nullable=False),
    Column("key", String(64), nullable=False, unique=True),
    Column("origins", JSON, nullable=False),
    Column("identity_secret", Text, nullable=False),
    Column("look", JSON, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("disabled_at", UtcTime),
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("name", Text, nullable=False),
    Column("hash", String(64), nullable=False, unique=True),
    Column("audience", Text, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("last_used_at", UtcTime),
    Column("revoked_at", UtcTime),
)

settlements = Table(
    "settlements",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("job_id", String(64), nullable=False),
    Column("row", Integer, nullable=False),
    Column("text", Text, nullable=False),
    Column("label", Text, nullable=False),
    Column("value", Text, nullable=False),
    Column("staff_id", ForeignKey(staff.c.id), nullable=False),
    Column("created_at", UtcTime, nullable=False),
    UniqueConstraint("job_id", "row", "label"),
)
