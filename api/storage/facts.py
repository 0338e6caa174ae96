"""What the desk counts of turns, taken out of the JSON that replies are kept as.

The databases parse a reply anew for each value that is taken out of it, and a reply is long: so
each query takes what it needs once, in a common table expression that is not folded into the rest.
"""

from datetime import datetime

from sqlalchemy import CTE, JSON, ColumnElement, Select, String, Text, cast, column, func, select

from api.storage.tables import conversations, replies, turns

POSTGRESQL = "postgresql"
DIGITS = "0123456789"


def select_facts(since: datetime, site_id: str | None = None, *paths: str) -> CTE:
    """Return `facts`: the finished turns since a moment, with values out of their replies.

    A path is the name of a field; what is below another field is named `field.below`.
    """
    values = [read_path(path) for path in paths]
    wanted = (
        select(
            turns.c.id.label("turn_id"),
            turns.c.conversation_id,
            turns.c.position,
            turns.c.question,
            turns.c.created_at,
            conversations.c.started_at,
            *values,
        )
        .select_from(turns.join(conversations).join(replies))
        .where(turns.c.created_at >= since)
    )
    if site_id is not None:
        wanted = wanted.where(conversations.c.site_id == site_id)
    return wanted.cte("facts").prefix_with("MATERIALIZED")


def read_path(path: str) -> ColumnElement[str]:
    """Return a value out of a reply as text, under its own name."""
    *above, name = path.split(".")
    value: ColumnElement[str] = replies.c.reply[(*above, name)].as_string()
    return value.label(name)


def select_citations(dialect: str, since: datetime) -> Select[tuple[str, str]]:
    """Select `turn_id` and `article_id`, once for each article that a reply's sentences cite."""
    each, each_text = (
        (func.json_array_elements, func.json_array_elements_text)
        if dialect == POSTGRESQL
        else (func.json_each, func.json_each)
    )
    sentence = each(replies.c.reply["sentences"]).table_valued(
        column("value", JSON), name="sentence", joins_implicitly=True
    )
    citation = each_text(sentence.c.value["citations"]).table_valued(
        column("value", Text), name="citation", joins_implicitly=True
    )
    # A passage's id is its article's, a # and its place (see knowledge_base.chunking).
    above = func.rtrim(citation.c.value, DIGITS)
    article_id = func.substr(above, 1, func.length(above) - 1).label("article_id")
    return (
        select(replies.c.turn_id, article_id)
        .select_from(turns.join(replies), sentence, citation)
        .where(turns.c.created_at >= since)
        .distinct()
    )


def read_day(dialect: str, moment: ColumnElement[datetime]) -> ColumnElement[str]:
    """Return the day of a moment in UTC, as YYYY-MM-DD."""
    in_utc = func.timezone("UTC", moment) if dialect == POSTGRESQL else moment
    return cast(func.date(in_utc), String)
