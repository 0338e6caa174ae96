"""A desk's past, told line by line and kept by the real storage."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import Engine, Table, insert

from agent.state import Outcome, Reason, Reply, Source, Timings
from api.storage.desk_tables import sites, staff, suggestions
from api.storage.handoffs import Handoff, Handoffs
from api.storage.ledger import Customer, Ledger, RecordedTurn
from tests.api.replies import make_reply

MIA = "staff-mia"


class History:
    """Tells what happened: `now` moves on by a second with each thing that is kept."""

    def __init__(self, engine: Engine, now: datetime) -> None:
        self.now = now
        self._ids = 0
        self._engine = engine
        self.ledger = Ledger(engine, self._tick, self._make_id)
        self.handoffs = Handoffs(engine, self._tick, self._make_id)

    def start(self, site_id: str | None = None, user: dict[str, str] | None = None) -> str:
        customer = Customer(site_id=site_id, user=user)
        return self.ledger.start_conversation("public", customer).id

    def ask(self, conversation_id: str, question: str, reply: Reply) -> RecordedTurn:
        turn = self.ledger.begin_turn(conversation_id, question)
        self.ledger.finish_turn(turn.id, reply)
        return replace(turn, reply=reply)

    def abstain(self, conversation_id: str, question: str, language: str = "en") -> RecordedTurn:
        return self.ask(conversation_id, question, fail(Reason.NO_EVIDENCE, language=language))

    def hand_off(self, conversation_id: str, question: str, reason: Reason) -> Handoff:
        self.ask(conversation_id, question, fail(reason, Outcome.HANDED_OFF))
        handoff = self.handoffs.current(conversation_id)
        assert handoff is not None
        return handoff

    def write(self, handoff: Handoff, text: str, *, close: bool = True) -> None:
        self.handoffs.take(handoff.id, MIA)
        self.handoffs.send(handoff.id, MIA, text, self._make_id())
        if close:
            self.handoffs.close(handoff.id, MIA)

    def hire(self, role: str = "admin") -> None:
        self._insert(
            staff,
            id=MIA,
            email="mia@larkstay.example",
            name="Mia Berg",
            password_hash="none",
            role=role,
            created_at=self.now,
        )

    def open_site(self, site_id: str, name: str) -> None:
        self._insert(
            sites,
            id=site_id,
            name=name,
            key=f"fd_{site_id}",
            origins=[],
            identity_secret="none",
            look={},
            created_at=self.now,
        )

    def suggest(self, handoff: Handoff, fate: str | None, distance: int | None = None) -> None:
        self._insert(
            suggestions,
            id=self._make_id(),
            handoff_id=handoff.id,
            turn_id=handoff.turn_id,
            text="Bring it.",
            sentences=[],
            sources=[],
            state="ready",
            fate=fate,
            edit_distance=distance,
            created_at=self.now,
        )

    def _insert(self, table: Table, **values: object) -> None:
        with self._engine.begin() as connection:
            connection.execute(insert(table).values(**values))

    def _tick(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now

    def _make_id(self) -> str:
        self._ids += 1
        return f"made-{self._ids}"


def fail(reason: Reason, outcome: Outcome = Outcome.ABSTAINED, language: str = "en") -> Reply:
    reply = make_reply("I don't know.", outcome, reason)
    return reply.model_copy(update={"language": language, "timings": Timings(total_s=1.0)})


def answer(sources: Sequence[Source] = (), first_s: float = 0.5) -> Reply:
    """Return an answer whose one sentence cites every source."""
    reply = make_reply()
    timings = Timings(first_sentence_s=first_s, total_s=first_s + 1)
    if not sources:
        return reply.model_copy(update={"timings": timings})
    cited = reply.sentences[0].model_copy(update={"citations": [s.passage_id for s in sources]})
    return reply.model_copy(
        update={"sources": list(sources), "sentences": [cited], "timings": timings}
    )
