"""The ledger: what was asked and what was replied, committed before it is acknowledged.

LedgerError
├── ConversationNotFound  there is no such conversation
├── TurnNotFound          there is no such turn
├── UserKnown             the conversation is another user's; start a new one
└── MessageReused         the message id was given to another text before; take a new one
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection, Engine, Row, Select, func, insert, select, update

from agent.state import Outcome, Reason, Reply
from api.storage.database import read_from, write_to
from api.storage.handoffs import open_handoff
from api.storage.happenings import ASKED, RATED, REPLIED
from api.storage.happenings import put as put_happening
from api.storage.outbox import put as put_outbox
from api.storage.tables import conversations, ratings, replies, turns


class LedgerError(Exception):
    """Something that the ledger does not have, or will not take."""


class ConversationNotFound(LedgerError):  # noqa: N818 - it reads as what happened
    """There is no such conversation."""


class TurnNotFound(LedgerError):  # noqa: N818
    """There is no such turn."""


class UserKnown(LedgerError):  # noqa: N818
    """The conversation is another user's."""


class MessageReused(LedgerError):  # noqa: N818
    """This message id was given to another text before."""


@dataclass(frozen=True, slots=True)
class Rating:
    """What the customer thought of a reply."""

    helpful: bool
    comment: str | None


@dataclass(frozen=True, slots=True)
class RecordedTurn:
    """A question as it was taken in; `reply` is None while it is pending."""

    id: str
    conversation_id: str
    audience: str
    position: int
    message_id: str | None
    question: str
    status: Literal["pending", "done"]
    created_at: datetime
    wish: Literal["person"] | None = None
    reply: Reply | None = None
    rating: Rating | None = None


@dataclass(frozen=True, slots=True)
class Customer:
    """Who a conversation is with: from which site, as whom, in which locale; all may be unknown.

    `user` is what the site's signed token said: `id`, and `name` and `email` if it had them.
    """

    site_id: str | None = None
    visitor: str | None = None
    user: dict[str, str] | None = None
    locale: str | None = None


@dataclass(frozen=True, slots=True)
class RecordedConversation:
    """A conversation with its turns, oldest first."""

    id: str
    audience: str
    started_at: datetime
    turns: tuple[RecordedTurn, ...] = ()
    customer: Customer = Customer()


class Ledger:
    """Keeps conversations, turns, replies and ratings.

    Each method is one transaction and blocks: call it in a thread. `now` gives a moment with its
    time zone, `new_id` an id that nobody can guess.
    """

    def __init__(
        self, engine: Engine, now: Callable[[], datetime], new_id: Callable[[], str]
    ) -> None:
        self._engine = engine
        self._now = now
        self._new_id = new_id

    def start_conversation(
        self, audience: str, customer: Customer = Customer()
    ) -> RecordedConversation:
        """Begin a conversation with somebody who may read what `audience` may."""
        started = RecordedConversation(self._new_id(), audience, self._now(), customer=customer)
        with write_to(self._engine) as connection:
            connection.execute(
                insert(conversations).values(
                    id=started.id,
                    audience=audience,
                    started_at=started.started_at,
                    **asdict(customer),
                )
            )
        return started

    def begin_turn(
        self,
        conversation_id: str,
        question: str,
        message_id: str | None = None,
        wish: Literal["person"] | None = None,
    ) -> RecordedTurn:
        """Take in a question; it is committed when this returns.

        The same message id returns the same turn. Raises ConversationNotFound, MessageReused.
        """
        with write_to(self._engine) as connection:
            # The row's lock makes PostgreSQL count positions one after another.
            row = _find_conversation(connection, conversation_id, lock=True)
            known = _find_message(connection, conversation_id, message_id)
            if known:
                if known.question != question:
                    raise MessageReused(f"Message id {message_id} belongs to another text.")
                return known
            turn = self._make_turn(connection, row, question, message_id)
            turn = replace(turn, wish=wish)
            connection.execute(insert(turns).values(_write_turn(turn)))
            asked = {"turn_id": turn.id}
            put_happening(connection, conversation_id, ASKED, asked, turn.created_at)
        return turn

    def find_customer(self, conversation_id: str) -> Customer:
        """Return who a conversation is with; raises ConversationNotFound."""
        with read_from(self._engine) as connection:
            return _read_customer(_find_conversation(connection, conversation_id))

    def tie_to_user(self, conversation_id: str, user: dict[str, str]) -> None:
        """Say whose a conversation is; raises ConversationNotFound, or UserKnown for another's."""
        with write_to(self._engine) as connection:
            row = _find_conversation(connection, conversation_id, lock=True)
            if row.user is not None and row.user["id"] != user["id"]:
                raise UserKnown(conversation_id)
            own = conversations.c.id == conversation_id
            connection.execute(update(conversations).where(own).values(user=user))

    def finish_turn(self, turn_id: str, reply: Reply) -> Reply:
        """Keep the reply unless there is one already; return the one that is kept.

        A hand-off begins in the same transaction. Raises TurnNotFound.
        """
        with write_to(self._engine) as connection:
            conversation_id = _lock_turn(connection, turn_id)
            kept = connection.scalar(select(replies.c.reply).where(replies.c.turn_id == turn_id))
            if kept is not None:
                return Reply.model_validate(kept)
            connection.execute(
                insert(replies).values(
                    turn_id=turn_id, reply=reply.model_dump(mode="json"), finished_at=self._now()
                )
            )
            connection.execute(update(turns).where(turns.c.id == turn_id).values(status="done"))
            replied = {"turn_id": turn_id, "outcome": reply.outcome.value}
            put_happening(connection, conversation_id, REPLIED, replied, self._now())
            if reply.outcome is Outcome.HANDED_OFF and reply.reason is not Reason.WITH_PERSON:
                open_handoff(connection, conversation_id, turn_id, reply, self._now(), self._new_id)
        return reply

    def pending_turns(self) -> list[RecordedTurn]:
        """Return the turns without a reply, oldest first."""
        pending = _select_turns().where(turns.c.status == "pending")
        ordered = pending.order_by(turns.c.created_at, turns.c.conversation_id, turns.c.position)
        with read_from(self._engine) as connection:
            return [_read_turn(row) for row in connection.execute(ordered)]

    def turn(self, conversation_id: str, turn_id: str) -> RecordedTurn:
        """Return one turn of a conversation; raises TurnNotFound."""
        wanted = _select_turns().where(
            turns.c.id == turn_id, turns.c.conversation_id == conversation_id
        )
        with read_from(self._engine) as connection:
            row = connection.execute(wanted).first()
        if row is None:
            raise TurnNotFound(turn_id)
        return _read_turn(row)

    def read(self, conversation_id: str) -> RecordedConversation:
        """Return a conversation with its turns; raises ConversationNotFound."""
        own = _select_turns().where(turns.c.conversation_id == conversation_id)
        with read_from(self._engine) as connection:
            row = _find_conversation(connection, conversation_id)
            found = tuple(_read_turn(r) for r in connection.execute(own.order_by(turns.c.position)))
        customer = _read_customer(row)
        return RecordedConversation(row.id, row.audience, row.started_at, found, customer)

    def rate(self, turn_id: str, helpful: bool, comment: str | None = None) -> None:  # noqa: FBT001 - it is the value that is stored
        """Keep what the customer thought of a turn; the last word counts. Raises TurnNotFound."""
        values = {"helpful": helpful, "comment": comment}
        with write_to(self._engine) as connection:
            conversation_id = _lock_turn(connection, turn_id)
            mine = ratings.c.turn_id == turn_id
            known = connection.execute(
                select(ratings.c.helpful, ratings.c.comment).where(mine)
            ).first()
            if known and known._asdict() == values:
                return
            now = self._now()
            if known:
                connection.execute(update(ratings).where(mine).values(**values, rated_at=now))
            else:
                connection.execute(insert(ratings).values(turn_id=turn_id, **values, rated_at=now))
            rated = {"turn_id": turn_id, "helpful": helpful}
            put_happening(connection, conversation_id, RATED, rated, now)
            told = {"conversation_id": conversation_id, "turn_id": turn_id, **values}
            key = f"rated:{turn_id}:{self._new_id()}"
            put_outbox(connection, "reply.rated", key, told, now, self._new_id)

    def _make_turn(
        self, connection: Connection, conversation: Row[Any], question: str, message_id: str | None
    ) -> RecordedTurn:
        last = select(func.max(turns.c.position)).where(turns.c.conversation_id == conversation.id)
        return RecordedTurn(
            id=self._new_id(),
            conversation_id=conversation.id,
            audience=conversation.audience,
            position=(connection.scalar(last) or 0) + 1,
            message_id=message_id,
            question=question,
            status="pending",
            created_at=self._now(),
        )


def _find_conversation(
    connection: Connection, conversation_id: str, *, lock: bool = False
) -> Row[Any]:
    wanted = select(conversations).where(conversations.c.id == conversation_id)
    row = connection.execute(wanted.with_for_update() if lock else wanted).first()
    if row is None:
        raise ConversationNotFound(conversation_id)
    return row


def _read_customer(row: Row[Any]) -> Customer:
    return Customer(row.site_id, row.visitor, row.user, row.locale)


def _lock_turn(connection: Connection, turn_id: str) -> str:
    wanted = select(turns.c.conversation_id).where(turns.c.id == turn_id).with_for_update()
    conversation_id: str | None = connection.scalar(wanted)
    if conversation_id is None:
        raise TurnNotFound(turn_id)
    return conversation_id


def _find_message(
    connection: Connection, conversation_id: str, message_id: str | None
) -> RecordedTurn | None:
    if message_id is None:
        return None
    wanted = _select_turns().where(
        turns.c.conversation_id == conversation_id, turns.c.message_id == message_id
    )
    row = connection.execute(wanted).first()
    return _read_turn(row) if row else None


def _select_turns() -> Select[Any]:
    joined = (
        turns.join(conversations)
        .outerjoin(replies)
        .outerjoin(ratings, ratings.c.turn_id == turns.c.id)
    )
    return select(
        turns, conversations.c.audience, replies.c.reply, ratings.c.helpful, ratings.c.comment
    ).select_from(joined)


def _write_turn(turn: RecordedTurn) -> dict[str, Any]:
    return {column.name: getattr(turn, column.name) for column in turns.columns}


def _read_turn(row: Row[Any]) -> RecordedTurn:
    return RecordedTurn(
        id=row.id,
        conversation_id=row.conversation_id,
        audience=row.audience,
        position=row.position,
        message_id=row.message_id,
        question=row.question,
        status=row.status,
        created_at=row.created_at,
        wish=row.wish,
        reply=Reply.model_validate(row.reply) if row.reply is not None else None,
        rating=Rating(row.helpful, row.comment) if row.helpful is not None else None,
    )
