"""Hand-offs: who has a conversation, the agent or a person, and what persons wrote.

HandoffError
├── HandoffNotFound  there is no such hand-off
├── HandoffTaken     somebody else has it; leave it to them
├── HandoffEnded     it was given back or closed; the agent has the conversation
└── NotHolder        take the conversation first
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection, Engine, Row, Select, case, insert, select, update

from agent.state import Reason, Reply, Source
from api.storage.database import read_from, write_to
from api.storage.desk_tables import handoffs, messages, staff
from api.storage.happenings import CLOSED, EMAILED, MESSAGE, RETURNED, TAKEN, WAITING
from api.storage.happenings import put as put_happening
from api.storage.outbox import put as put_outbox
from api.storage.tables import turns

OPEN = ("waiting", "taken")
URGENCIES = {Reason.UNSAFE: 3, Reason.UPSET: 2}
USUAL = 1

State = Literal["waiting", "taken", "returned", "closed"]


class HandoffError(Exception):
    """Something that can't be done with a hand-off."""


class HandoffNotFound(HandoffError):  # noqa: N818 - it reads as what happened
    """There is no such hand-off."""


class HandoffTaken(HandoffError):  # noqa: N818
    """Somebody else has this conversation; the message is their name."""


class HandoffEnded(HandoffError):  # noqa: N818
    """The hand-off has ended: the agent has the conversation again."""


class NotHolder(HandoffError):  # noqa: N818
    """Take the conversation before you write in it."""


@dataclass(frozen=True, slots=True)
class Handoff:
    """A conversation that waits for a person, is with one, or was.

    `urgency` is 3 where somebody is in danger, 2 where they are upset, else 1; `question` is
    what was said in the turn that began it.
    """

    id: str
    conversation_id: str
    turn_id: str
    reason: Reason
    language: str
    urgency: int
    state: State
    staff_id: str | None
    staff_name: str | None
    summary: str | None
    email: str | None
    question: str
    created_at: datetime
    taken_at: datetime | None
    ended_at: datetime | None

    @property
    def open(self) -> bool:
        """Whether a person has it, or is awaited."""
        return self.state in OPEN


@dataclass(frozen=True, slots=True)
class PersonMessage:
    """What a person wrote to the customer."""

    id: str
    conversation_id: str
    handoff_id: str
    staff_id: str
    staff_name: str
    message_id: str
    text: str
    sources: tuple[Source, ...]
    created_at: datetime


def open_handoff(  # noqa: PLR0913, PLR0917 - the transaction, and what begins
    connection: Connection,
    conversation_id: str,
    turn_id: str,
    reply: Reply,
    now: datetime,
    new_id: Callable[[], str],
) -> None:
    """Begin a hand-off, unless the conversation has an open one."""
    if _find_open(connection, conversation_id) is not None:
        return
    handoff_id = new_id()
    connection.execute(
        insert(handoffs).values(
            id=handoff_id,
            conversation_id=conversation_id,
            turn_id=turn_id,
            reason=reply.reason.value,
            language=reply.language,
            urgency=URGENCIES.get(reply.reason, USUAL),
            state="waiting",
            created_at=now,
        )
    )
    told = {"handoff_id": handoff_id, "reason": reply.reason.value}
    put_happening(connection, conversation_id, WAITING, told, now)
    payload = {**told, "conversation_id": conversation_id, "language": reply.language}
    key = f"handed_off:{handoff_id}"
    put_outbox(connection, "conversation.handed_off", key, payload, now, new_id)


class Handoffs:
    """Keeps hand-offs and persons' messages.

    Each method is one transaction and blocks: call it in a thread.
    """

    def __init__(
        self, engine: Engine, now: Callable[[], datetime], new_id: Callable[[], str]
    ) -> None:
        self._engine = engine
        self._now = now
        self._new_id = new_id

    def current(self, conversation_id: str) -> Handoff | None:
        """Return the conversation's open hand-off, None if the agent has it."""
        with read_from(self._engine) as connection:
            return _find_open(connection, conversation_id)

    def latest(self, conversation_id: str) -> Handoff | None:
        """Return the conversation's last hand-off, open or not."""
        return next(iter(self.history(conversation_id)), None)

    def history(self, conversation_id: str) -> Sequence[Handoff]:
        """Return all hand-offs of a conversation, the newest first."""
        wanted = _select().where(handoffs.c.conversation_id == conversation_id)
        return self._read(wanted.order_by(handoffs.c.created_at.desc(), handoffs.c.id))

    def find(self, handoff_id: str) -> Handoff:
        """Return a hand-off; raises HandoffNotFound."""
        with read_from(self._engine) as connection:
            return _find(connection, handoff_id)

    def queue(self) -> Sequence[Handoff]:
        """Return the open ones: those that wait, by urgency and age, then those that are taken."""
        waiting_first = case((handoffs.c.state == "waiting", 0), else_=1)
        wanted = _select().where(handoffs.c.state.in_(OPEN))
        return self._read(
            wanted.order_by(waiting_first, handoffs.c.urgency.desc(), handoffs.c.created_at)
        )

    def messages(self, conversation_id: str) -> Sequence[PersonMessage]:
        """Return what persons wrote in a conversation, oldest first."""
        wanted = _select_messages().where(messages.c.conversation_id == conversation_id)
        with read_from(self._engine) as connection:
            rows = connection.execute(wanted.order_by(messages.c.created_at, messages.c.id))
            return [_read_message(row) for row in rows]

    def take(self, handoff_id: str, staff_id: str) -> Handoff:
        """Give a waiting conversation to a member of staff; doing so again changes nothing.

        Raises HandoffNotFound, HandoffTaken or HandoffEnded.
        """
        with write_to(self._engine) as connection:
            found = _lock(connection, handoff_id)
            if found.state == "taken" and found.staff_id == staff_id:
                return found
            if found.state == "taken":
                raise HandoffTaken(found.staff_name)
            _require_open(found)
            now = self._now()
            _change(connection, handoff_id, state="taken", staff_id=staff_id, taken_at=now)
            taken = _find(connection, handoff_id)
            told = {"handoff_id": handoff_id, "name": taken.staff_name}
            put_happening(connection, taken.conversation_id, TAKEN, told, now)
            return taken

    def send(
        self,
        handoff_id: str,
        staff_id: str,
        text: str,
        message_id: str,
        sources: Sequence[Source] = (),
    ) -> PersonMessage:
        """Write to the customer; the same message id again is the same message.

        Raises HandoffNotFound, HandoffTaken, HandoffEnded or NotHolder.
        """
        with write_to(self._engine) as connection:
            found = _lock(connection, handoff_id)
            known = _find_message(connection, found.conversation_id, message_id)
            if known is not None:
                return known
            _require_holder(found, staff_id)
            return self._write(connection, found, text, message_id, sources)

    def _write(
        self,
        connection: Connection,
        found: Handoff,
        text: str,
        message_id: str,
        sources: Sequence[Source],
    ) -> PersonMessage:
        now, kept = self._now(), [source.model_dump(mode="json") for source in sources]
        row = {
            "id": self._new_id(),
            "conversation_id": found.conversation_id,
            "handoff_id": found.id,
            "staff_id": found.staff_id,
            "message_id": message_id,
            "text": text,
        }
        connection.execute(insert(messages).values(**row, sources=kept, created_at=now))
        told = {"message_id": message_id, "text": text, "name": found.staff_name, "sources": kept}
        put_happening(connection, found.conversation_id, MESSAGE, told, now)
        written = _find_message(connection, found.conversation_id, message_id)
        assert written is not None
        return written

    def give_back(self, handoff_id: str, staff_id: str) -> Handoff:
        """Let the agent have the conversation again; again changes nothing.

        Raises HandoffNotFound, HandoffTaken or NotHolder.
        """
        return self._end(handoff_id, staff_id, "returned", RETURNED)

    def close(self, handoff_id: str, staff_id: str) -> Handoff:
        """Say that it is resolved; what is said next goes to the agent. Else as `give_back`."""
        return self._end(handoff_id, staff_id, "closed", CLOSED)

    def leave_email(self, conversation_id: str, email: str) -> Handoff:
        """Keep where to write to when somebody is there; raises HandoffEnded without a hand-off."""
        with write_to(self._engine) as connection:
            found = _find_open(connection, conversation_id)
            if found is None:
                raise HandoffEnded
            _change(connection, found.id, email=email)
            told = {"handoff_id": found.id}
            put_happening(connection, conversation_id, EMAILED, told, self._now())
            return _find(connection, found.id)

    def _end(self, handoff_id: str, staff_id: str, state: State, kind: str) -> Handoff:
        with write_to(self._engine) as connection:
            found = _lock(connection, handoff_id)
            if found.state == state:
                return found
            _require_holder(found, staff_id)
            now = self._now()
            _change(connection, handoff_id, state=state, ended_at=now)
            told = {"handoff_id": handoff_id}
            put_happening(connection, found.conversation_id, kind, told, now)
            if state == "closed":
                self._tell_resolved(connection, found, now)
            return _find(connection, handoff_id)

    def _tell_resolved(self, connection: Connection, found: Handoff, now: datetime) -> None:
        payload = {
            "conversation_id": found.conversation_id,
            "resolved_by": "person",
            "at": now.isoformat(),
        }
        key = f"resolved:{found.id}"
        put_outbox(connection, "conversation.resolved", key, payload, now, self._new_id)

    def _read(self, wanted: Select[Any]) -> list[Handoff]:
        with read_from(self._engine) as connection:
            return [_read(row) for row in connection.execute(wanted)]


def _require_open(found: Handoff) -> None:
    if not found.open:
        raise HandoffEnded(found.id)


def _require_holder(found: Handoff, staff_id: str) -> None:
    _require_open(found)
    if found.state == "waiting":
        raise NotHolder(found.id)
    if found.staff_id != staff_id:
        raise HandoffTaken(found.staff_name)


def _change(connection: Connection, handoff_id: str, **values: object) -> None:
    connection.execute(update(handoffs).where(handoffs.c.id == handoff_id).values(**values))


def _select() -> Select[Any]:
    joined = handoffs.join(turns, turns.c.id == handoffs.c.turn_id).outerjoin(staff)
    names = (staff.c.name.label("staff_name"), turns.c.question)
    return select(handoffs, *names).select_from(joined)


def _lock(connection: Connection, handoff_id: str) -> Handoff:
    connection.execute(
        select(handoffs.c.id).where(handoffs.c.id == handoff_id).with_for_update()
    ).first()
    return _find(connection, handoff_id)


def _find(connection: Connection, handoff_id: str) -> Handoff:
    row = connection.execute(_select().where(handoffs.c.id == handoff_id)).first()
    if row is None:
        raise HandoffNotFound(handoff_id)
    return _read(row)


def _find_open(connection: Connection, conversation_id: str) -> Handoff | None:
    wanted = _select().where(
        handoffs.c.conversation_id == conversation_id, handoffs.c.state.in_(OPEN)
    )
    row = connection.execute(wanted).first()
    return _read(row) if row else None


def _read(row: Row[Any]) -> Handoff:
    values = row._asdict()
    return Handoff(**{**values, "reason": Reason(values["reason"])})


def _select_messages() -> Select[Any]:
    return select(messages, staff.c.name.label("staff_name")).join_from(messages, staff)


def _find_message(
    connection: Connection, conversation_id: str, message_id: str
) -> PersonMessage | None:
    wanted = _select_messages().where(
        messages.c.conversation_id == conversation_id, messages.c.message_id == message_id
    )
    row = connection.execute(wanted).first()
    return _read_message(row) if row else None


def _read_message(row: Row[Any]) -> PersonMessage:
    values = row._asdict()
    sources = tuple(Source.model_validate(source) for source in values["sources"])
    return PersonMessage(**{**values, "sources": sources})
