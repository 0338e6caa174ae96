"""Hand-offs in storage: who has a conversation, and what is told of it."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import Engine, select

from agent.state import Outcome, Reason, Reply, Sentence, Suggestion
from api.storage.desk_tables import outbox
from api.storage.handoffs import (
    Handoff,
    HandoffEnded,
    HandoffNotFound,
    Handoffs,
    HandoffTaken,
    NotHolder,
)
from api.storage.happenings import Happenings
from api.storage.ledger import Ledger
from api.storage.presence import Presence
from api.storage.suggestions import SuggestionNotFound, Suggestions
from tests.api.conftest import make_clock, make_ids
from tests.api.people import add_staff, be_seen
from tests.api.replies import SOURCE, make_reply


@pytest.fixture
def handoffs(database: Engine, ledger: Ledger) -> Handoffs:
    assert ledger
    ids = make_ids()
    return Handoffs(database, make_clock(), lambda: f"h-{ids()}")


@pytest.fixture
def mia(database: Engine) -> str:
    return add_staff(database, "Mia")


@pytest.fixture
def tom(database: Engine) -> str:
    return add_staff(database, "Tom")


@pytest.fixture
def suggestions(database: Engine) -> Suggestions:
    return Suggestions(database, make_clock(), make_ids())


@pytest.fixture
def found(ledger: Ledger, handoffs: Handoffs) -> Handoff:
    return open_one(ledger, handoffs)


def refer(reason: Reason) -> Reply:
    return make_reply("A person helps.", Outcome.HANDED_OFF, reason)


def hand_off(ledger: Ledger, reason: Reason = Reason.ASKED_FOR_PERSON) -> str:
    """Begin a conversation whose first turn is handed off; return its id."""
    conversation = ledger.start_conversation("public")
    turn = ledger.begin_turn(conversation.id, f"Help: {reason.value}")
    ledger.finish_turn(turn.id, refer(reason))
    return conversation.id


def open_one(ledger: Ledger, handoffs: Handoffs, reason: Reason = Reason.UPSET) -> Handoff:
    found = handoffs.current(hand_off(ledger, reason))
    assert found
    return found


def read_outbox(engine: Engine) -> list[str]:
    with engine.connect() as connection:
        return list(connection.scalars(select(outbox.c.kind).order_by(outbox.c.created_at)))


def test_a_hand_off_begins_with_the_reply_and_is_told(
    ledger: Ledger, handoffs: Handoffs, database: Engine
) -> None:
    conversation_id = hand_off(ledger, Reason.UPSET)
    found = handoffs.current(conversation_id)
    assert found
    assert (found.state, found.reason, found.urgency) == ("waiting", Reason.UPSET, 2)
    assert found.question == "Help: upset"
    assert read_outbox(database) == ["conversation.handed_off"]
    kinds = [h.kind for h in Happenings(database).since(conversation_id, 0)]
    assert kinds == ["asked", "replied", "waiting"]


def test_a_turn_that_is_left_to_a_person_begins_no_other_hand_off(
    ledger: Ledger, handoffs: Handoffs, database: Engine
) -> None:
    found = open_one(ledger, handoffs)
    turn = ledger.begin_turn(found.conversation_id, "Hello?")
    ledger.finish_turn(turn.id, refer(Reason.WITH_PERSON))
    assert [h.id for h in handoffs.history(found.conversation_id)] == [found.id]
    assert read_outbox(database) == ["conversation.handed_off"]


def test_the_queue_is_by_urgency_then_age_with_taken_ones_last(
    ledger: Ledger, handoffs: Handoffs, mia: str
) -> None:
    first, upset, unsafe, last = (
        open_one(ledger, handoffs, reason)
        for reason in (
            Reason.ASKED_FOR_PERSON,
            Reason.UPSET,
            Reason.UNSAFE,
            Reason.ABSTAINED_TWICE,
        )
    )
    handoffs.take(unsafe.id, mia)
    assert [h.id for h in handoffs.queue()] == [upset.id, first.id, last.id, unsafe.id]


def test_two_cannot_take_the_same_conversation(
    ledger: Ledger, handoffs: Handoffs, mia: str, tom: str
) -> None:
    found = open_one(ledger, handoffs)

    def take(staff_id: str) -> str:
        try:
            return handoffs.take(found.id, staff_id).staff_id or ""
        except HandoffTaken as error:
            return f"refused, {error} has it"

    with ThreadPoolExecutor(8) as pool:
        ends = list(pool.map(take, [mia, tom] * 8))
    holder = handoffs.find(found.id)
    assert holder.staff_id in {mia, tom}
    other = {mia: tom, tom: mia}[str(holder.staff_id)]
    assert ends.count(str(holder.staff_id)) == 8
    assert ends.count(f"refused, {holder.staff_name} has it") == 8
    assert other not in ends


def test_only_who_has_it_writes_and_the_same_message_once(
    ledger: Ledger, handoffs: Handoffs, mia: str, tom: str
) -> None:
    found = open_one(ledger, handoffs)
    with pytest.raises(NotHolder):
        handoffs.send(found.id, mia, "Hello", "m1")
    handoffs.take(found.id, mia)
    source = make_reply().sources[0]
    sent = handoffs.send(found.id, mia, "Hello", "m1", [source])
    assert handoffs.send(found.id, mia, "Hello", "m1", [source]) == sent
    with pytest.raises(HandoffTaken, match="Mia"):
        handoffs.send(found.id, tom, "Hello", "m2")
    assert handoffs.messages(found.conversation_id) == [sent]
    assert (sent.staff_name, sent.sources) == ("Mia", (source,))


@pytest.mark.parametrize("end", ["give_back", "close"])
def test_what_has_ended_stays_so_and_the_next_one_begins_anew(
    ledger: Ledger, handoffs: Handoffs, mia: str, database: Engine, end: str
) -> None:
    found = open_one(ledger, handoffs)
    handoffs.take(found.id, mia)
    for _ in range(2):
        ended = getattr(handoffs, end)(found.id, mia)
        assert ended.ended_at
    assert handoffs.current(found.conversation_id) is None
    with pytest.raises(HandoffEnded):
        handoffs.send(found.id, mia, "Too late", "m9")
    with pytest.raises(HandoffEnded):
        handoffs.take(found.id, mia)
    assert read_outbox(database).count("conversation.resolved") == (end == "close")
    turn = ledger.begin_turn(found.conversation_id, "A person again, please")
    ledger.finish_turn(turn.id, refer(Reason.ASKED_FOR_PERSON))
    again = handoffs.current(found.conversation_id)
    assert again
    assert again.id != found.id


def test_what_is_not_there_is_named(handoffs: Handoffs, mia: str, ledger: Ledger) -> None:
    for act in (handoffs.take, handoffs.close):
        with pytest.raises(HandoffNotFound):
            act("nowhere", mia)
    with pytest.raises(HandoffEnded):
        handoffs.leave_email(ledger.start_conversation("public").id, "a@b.example")


def test_an_address_is_kept_with_the_hand_off(ledger: Ledger, handoffs: Handoffs) -> None:
    found = open_one(ledger, handoffs)
    handoffs.leave_email(found.conversation_id, "kim@mail.example")
    assert handoffs.find(found.id).email == "kim@mail.example"


def test_somebody_is_there_who_was_seen_within_two_minutes(database: Engine, mia: str) -> None:
    now = make_clock()()
    presence = Presence(database, lambda: now)
    assert not presence.is_attended()
    be_seen(database, mia, now - timedelta(minutes=1))
    assert presence.is_attended()
    assert not Presence(database, lambda: now + timedelta(minutes=2)).is_attended()


SUGGESTED = Suggestion(
    outcome=Outcome.ANSWERED,
    text="It takes 5 days.",
    sentences=[
        Sentence(text="It takes 5 days.", citations=["refunds#1"]),
        Sentence(text="Staff may hurry it.", citations=["override#1"]),
    ],
    sources=[SOURCE, SOURCE.model_copy(update={"passage_id": "override#1"})],
    internal=["override#1"],
)


@pytest.mark.parametrize(
    ("sent", "fate", "distance"),
    [("It takes 5 days.", "used", 0), ("It takes 6 days.", "edited", 1), (None, "discarded", None)],
)
def test_what_became_of_a_suggestion_is_kept(
    suggestions: Suggestions, found: Handoff, sent: str | None, fate: str, distance: int | None
) -> None:
    kept = suggestions.keep(found.id, found.turn_id, SUGGESTED, "A refund.")
    assert suggestions.keep(found.id, found.turn_id, None, None) == kept
    assert kept.internal == tuple(SUGGESTED.internal)
    assert suggestions.settle(kept.id, sent) == fate
    assert suggestions.settle(kept.id, "Something else") == fate
    settled = suggestions.latest(found.id)
    assert settled
    assert (settled.fate, settled.sent_text, settled.edit_distance) == (fate, sent, distance)


def test_what_rests_on_internal_articles_is_not_for_sending(
    suggestions: Suggestions, found: Handoff
) -> None:
    kept = suggestions.keep(found.id, found.turn_id, SUGGESTED, None)
    assert kept.sendable_text == "It takes 5 days."
    assert kept.sendable_sources == (SOURCE,)


def test_the_summary_comes_with_it(
    suggestions: Suggestions, found: Handoff, handoffs: Handoffs
) -> None:
    suggestions.keep(found.id, found.turn_id, SUGGESTED, "A refund.")
    assert handoffs.find(found.id).summary == "A refund."


def test_a_suggestion_that_failed_is_known_as_such(
    suggestions: Suggestions, found: Handoff
) -> None:
    assert suggestions.latest(found.id) is None
    assert suggestions.keep(found.id, found.turn_id, None, None).state == "failed"
    with pytest.raises(HandoffNotFound):
        suggestions.keep("nowhere", found.turn_id, None, None)
    with pytest.raises(SuggestionNotFound):
        suggestions.settle("nowhere", None)
