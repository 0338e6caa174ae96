"""Questions that were not answered, and what persons said to them."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    CTE,
    ColumnElement,
    Engine,
    Row,
    Select,
    and_,
    case,
    exists,
    func,
    or_,
    select,
)

from agent.state import Outcome, Reason
from api.storage.database import read_from
from api.storage.desk_tables import handoffs, messages, staff
from api.storage.facts import select_facts
from api.storage.tables import conversations, ratings, turns

NEWEST = 1000
# Hand-offs for these reasons say that the articles lacked something; the others say something of
# the customer, or of what the agent may do.
LACKING = (
    Reason.NO_EVIDENCE,
    Reason.MODEL_DECLINED,
    Reason.UNSUPPORTED,
    Reason.ABSTAINED_TWICE,
)
ENDED = ("returned", "closed")


class Lack(StrEnum):
    """How it showed that a question was not answered."""

    UNHELPFUL = "unhelpful"
    HANDED_OFF = "handed_off"
    ABSTAINED = "abstained"
    CLARIFIED_TWICE = "clarified_twice"


@dataclass(frozen=True, slots=True)
class Unanswered:
    """A question that was not answered; `language` is None where the reply is too old to say."""

    turn_id: str
    conversation_id: str
    question: str
    asked_at: datetime
    lack: Lack
    language: str | None


@dataclass(frozen=True, slots=True)
class PersonWords:
    """What a person wrote, and the customer's own names, which must not go further."""

    conversation_id: str
    question: str
    text: str
    written_at: datetime
    staff_name: str
    customer_names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Resolved:
    """A question that a person answered, in a conversation that was ended or given back."""

    conversation_id: str
    question: str
    answer: str
    staff_name: str
    answered_at: datetime


class Questions:
    """Reads questions for the desk. Each method is one transaction and blocks."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def list_unanswered(
        self, since: datetime, site_id: str | None = None, limit: int = NEWEST
    ) -> list[Unanswered]:
        """Return the questions since a moment that were not answered, newest first."""
        facts = select_facts(since, site_id, "outcome", "reason", "language")
        lack = _name_lack(facts)
        named = (
            select(facts, lack.label("lack"))
            .select_from(facts.outerjoin(ratings, ratings.c.turn_id == facts.c.turn_id))
            .subquery("named")
        )
        wanted = (
            select(named)
            .where(named.c.lack.is_not(None))
            .order_by(named.c.created_at.desc(), named.c.turn_id)
            .limit(limit)
        )
        with read_from(self._engine) as connection:
            return [_read_unanswered(row) for row in connection.execute(wanted)]

    def list_words(self, turn_ids: Collection[str]) -> list[PersonWords]:
        """Return what persons wrote after these turns in their conversations, oldest first."""
        joined = (
            turns.join(conversations)
            .join(messages, messages.c.conversation_id == turns.c.conversation_id)
            .join(staff, staff.c.id == messages.c.staff_id)
        )
        wanted = (
            select(messages, turns.c.question, conversations.c.user, staff.c.name)
            .select_from(joined)
            .where(turns.c.id.in_(turn_ids), messages.c.created_at >= turns.c.created_at)
            .order_by(messages.c.created_at, messages.c.id)
        )
        with read_from(self._engine) as connection:
            rows = connection.execute(wanted).all()
        # Two of the turns may be of one conversation, and then each message comes twice.
        return [_read_words(row) for row in {row.id: row for row in rows}.values()]

    def list_resolved(self, limit: int = NEWEST) -> list[Resolved]:
        """Return what persons answered, newest first, each hand-off by its last message."""
        later = messages.alias("later")
        is_last = ~exists().where(
            later.c.handoff_id == messages.c.handoff_id,
            or_(
                later.c.created_at > messages.c.created_at,
                and_(later.c.created_at == messages.c.created_at, later.c.id > messages.c.id),
            ),
        )
        wanted = (
            _select_handed_off(messages.c.text, messages.c.created_at, staff.c.name)
            .join(messages, messages.c.handoff_id == handoffs.c.id)
            .join(staff, staff.c.id == messages.c.staff_id)
            .where(handoffs.c.state.in_(ENDED), is_last)
            .order_by(messages.c.created_at.desc())
            .limit(limit)
        )
        with read_from(self._engine) as connection:
            return [_read_resolved(row) for row in connection.execute(wanted)]

    def find_asked(self, conversation_id: str) -> str | None:
        """Return what a conversation's customer wants to know, None if nothing was asked.

        It is what the last hand-off is about, else the last question.
        """
        handed_off = (
            _select_handed_off()
            .where(handoffs.c.conversation_id == conversation_id)
            .order_by(handoffs.c.created_at.desc())
            .limit(1)
        )
        last = (
            select(turns.c.question)
            .where(turns.c.conversation_id == conversation_id)
            .order_by(turns.c.position.desc())
            .limit(1)
        )
        with read_from(self._engine) as connection:
            row = connection.execute(handed_off).first()
            return row.asked if row else connection.scalar(last)


def _name_lack(facts: CTE) -> ColumnElement[str | None]:
    """Return how a turn's question was left open, null if it was not; the surest sign first."""
    outcome = facts.c.outcome
    clarified = case((outcome == Outcome.CLARIFIED.value, 1), else_=0)
    so_far = func.sum(clarified).over(
        partition_by=facts.c.conversation_id, order_by=facts.c.position
    )
    lacking = facts.c.reason.in_([reason.value for reason in LACKING])
    return case(
        (ratings.c.helpful.is_(False), Lack.UNHELPFUL.value),
        (and_(outcome == Outcome.HANDED_OFF.value, lacking), Lack.HANDED_OFF.value),
        (outcome == Outcome.ABSTAINED.value, Lack.ABSTAINED.value),
        (and_(clarified == 1, so_far > 1), Lack.CLARIFIED_TWICE.value),
        else_=None,
    )


def _select_handed_off(*columns: ColumnElement[Any]) -> Select[Any]:
    """Select `asked`: who asks for a person has said before, if ever, what it is about."""
    before = turns.alias("before")
    asked = case(
        (
            and_(handoffs.c.reason == Reason.ASKED_FOR_PERSON.value, before.c.id.is_not(None)),
            before.c.question,
        ),
        else_=turns.c.question,
    )
    is_before = and_(
        before.c.conversation_id == turns.c.conversation_id,
        before.c.position == turns.c.position - 1,
    )
    joined = handoffs.join(turns, turns.c.id == handoffs.c.turn_id).outerjoin(before, is_before)
    return select(handoffs.c.conversation_id, asked.label("asked"), *columns).select_from(joined)


def _read_unanswered(row: Row[Any]) -> Unanswered:
    return Unanswered(
        row.turn_id,
        row.conversation_id,
        row.question,
        row.created_at,
        Lack(row.lack),
        row.language,
    )


def _read_words(row: Row[Any]) -> PersonWords:
    user = row.user or {}
    names = tuple(str(user[key]) for key in ("name", "email") if user.get(key))
    return PersonWords(row.conversation_id, row.question, row.text, row.created_at, row.name, names)


def _read_resolved(row: Row[Any]) -> Resolved:
    return Resolved(row.conversation_id, row.asked, row.text, row.name, row.created_at)
