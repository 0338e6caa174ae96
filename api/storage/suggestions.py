"""Suggestions: replies made ready for a person, and what became of them."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from rapidfuzz.distance import Levenshtein
from sqlalchemy import Connection, Engine, Row, insert, select, update

from agent.state import Sentence, Source, Suggestion
from api.storage.database import read_from, write_to
from api.storage.desk_tables import handoffs, suggestions
from api.storage.handoffs import HandoffNotFound
from api.storage.happenings import PREPARED
from api.storage.happenings import put as put_happening

Fate = Literal["used", "edited", "discarded"]


class SuggestionNotFound(Exception):  # noqa: N818 - it reads as what happened
    """There is no such suggestion."""


@dataclass(frozen=True, slots=True)
class KeptSuggestion:
    """A suggestion for a turn of a hand-off; `internal` are ids of sources not for customers.

    `edit_distance` is Levenshtein's, in characters, between `sendable_text` and what was sent.
    """

    id: str
    handoff_id: str
    turn_id: str
    text: str
    sentences: tuple[Sentence, ...]
    sources: tuple[Source, ...]
    internal: tuple[str, ...]
    state: Literal["ready", "failed"]
    fate: Fate | None
    sent_text: str | None
    edit_distance: int | None
    created_at: datetime
    settled_at: datetime | None

    @property
    def sendable(self) -> tuple[Sentence, ...]:
        """The sentences that rest on nothing internal."""
        return tuple(s for s in self.sentences if not set(s.citations) & set(self.internal))

    @property
    def sendable_text(self) -> str:
        """What may be put into a message to the customer."""
        return " ".join(sentence.text for sentence in self.sendable)

    @property
    def sendable_sources(self) -> tuple[Source, ...]:
        """The sources that the sendable sentences cite."""
        cited = {passage_id for sentence in self.sendable for passage_id in sentence.citations}
        return tuple(source for source in self.sources if source.passage_id in cited)


class Suggestions:
    """Keeps suggestions. Each method is one transaction and blocks: call it in a thread."""

    def __init__(
        self, engine: Engine, now: Callable[[], datetime], new_id: Callable[[], str]
    ) -> None:
        self._engine = engine
        self._now = now
        self._new_id = new_id

    def keep(
        self, handoff_id: str, turn_id: str, made: Suggestion | None, summary: str | None
    ) -> KeptSuggestion:
        """Keep what was made ready for a turn, None if it could not be; once for each turn.

        Raises HandoffNotFound.
        """
        with write_to(self._engine) as connection:
            conversation_id = _lock_handoff(connection, handoff_id)
            known = _find_for_turn(connection, handoff_id, turn_id)
            if known is not None:
                return known
            row = self._make_row(handoff_id, turn_id, made)
            connection.execute(insert(suggestions).values(row))
            if summary is not None:
                own = handoffs.c.id == handoff_id
                connection.execute(update(handoffs).where(own).values(summary=summary))
            told = {"handoff_id": handoff_id}
            put_happening(connection, conversation_id, PREPARED, told, self._now())
            return _find(connection, row["id"])

    def latest(self, handoff_id: str) -> KeptSuggestion | None:
        """Return the newest suggestion of a hand-off, None while there is none."""
        wanted = select(suggestions).where(suggestions.c.handoff_id == handoff_id)
        newest = wanted.order_by(suggestions.c.created_at.desc(), suggestions.c.id).limit(1)
        with read_from(self._engine) as connection:
            row = connection.execute(newest).first()
        return _read(row) if row else None

    def settle(self, suggestion_id: str, sent_text: str | None) -> Fate:
        """Keep what became of a suggestion: `sent_text` was sent in its place, None if it wasn't.

        The first word counts: a suggestion that is settled stays so. Raises SuggestionNotFound.
        """
        with write_to(self._engine) as connection:
            found = _find(connection, suggestion_id, lock=True)
            if found.fate is not None:
                return found.fate
            distance = _measure(found, sent_text)
            fate = _judge(distance)
            values = {"fate": fate, "sent_text": sent_text, "edit_distance": distance}
            own = suggestions.c.id == suggestion_id
            connection.execute(
                update(suggestions).where(own).values(**values, settled_at=self._now())
            )
            return fate

    def _make_row(self, handoff_id: str, turn_id: str, made: Suggestion | None) -> dict[str, Any]:
        shown = made.model_dump(mode="json") if made else {}
        internal = set(shown.get("internal", ()))
        sources = [{**s, "internal": s["passage_id"] in internal} for s in shown.get("sources", ())]
        return {
            "id": self._new_id(),
            "handoff_id": handoff_id,
            "turn_id": turn_id,
            "text": shown.get("text", ""),
            "sentences": shown.get("sentences", []),
            "sources": sources,
            "state": "ready" if made else "failed",
            "created_at": self._now(),
        }


def _measure(found: KeptSuggestion, sent_text: str | None) -> int | None:
    if sent_text is None:
        return None
    return Levenshtein.distance(found.sendable_text, sent_text.strip())


def _judge(distance: int | None) -> Fate:
    if distance is None:
        return "discarded"
    return "edited" if distance else "used"


def _lock_handoff(connection: Connection, handoff_id: str) -> str:
    wanted = select(handoffs.c.conversation_id).where(handoffs.c.id == handoff_id)
    conversation_id: str | None = connection.scalar(wanted.with_for_update())
    if conversation_id is None:
        raise HandoffNotFound(handoff_id)
    return conversation_id


def _find_for_turn(connection: Connection, handoff_id: str, turn_id: str) -> KeptSuggestion | None:
    wanted = select(suggestions).where(
        suggestions.c.handoff_id == handoff_id, suggestions.c.turn_id == turn_id
    )
    row = connection.execute(wanted).first()
    return _read(row) if row else None


def _find(connection: Connection, suggestion_id: str, *, lock: bool = False) -> KeptSuggestion:
    wanted = select(suggestions).where(suggestions.c.id == suggestion_id)
    row = connection.execute(wanted.with_for_update() if lock else wanted).first()
    if row is None:
        raise SuggestionNotFound(suggestion_id)
    return _read(row)


def _read(row: Row[Any]) -> KeptSuggestion:
    values = row._asdict()
    plain = [{k: v for k, v in source.items() if k != "internal"} for source in row.sources]
    return KeptSuggestion(
        **{
            **values,
            "sentences": tuple(Sentence.model_validate(s) for s in row.sentences),
            "sources": tuple(Source.model_validate(s) for s in plain),
            "internal": tuple(s["passage_id"] for s in row.sources if s["internal"]),
        }
    )
