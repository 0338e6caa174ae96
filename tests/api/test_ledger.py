from concurrent.futures import ThreadPoolExecutor

import pytest

from api.storage.ledger import (
    ConversationNotFound,
    Ledger,
    MessageReused,
    TurnNotFound,
)
from tests.api.replies import make_reply


def test_a_conversation_is_read_back_as_it_went(ledger: Ledger) -> None:
    conversation = ledger.start_conversation("public")
    first = ledger.begin_turn(conversation.id, "Where is my refund?")
    ledger.finish_turn(first.id, make_reply())
    ledger.begin_turn(conversation.id, "And for PayPal?")
    read = ledger.read(conversation.id)
    assert [t.question for t in read.turns] == ["Where is my refund?", "And for PayPal?"]
    assert [t.status for t in read.turns] == ["done", "pending"]
    assert read.turns[0].reply == make_reply()
    assert read.started_at == conversation.started_at


def test_the_same_message_id_is_the_same_turn(ledger: Ledger) -> None:
    conversation = ledger.start_conversation("public")
    first = ledger.begin_turn(conversation.id, "Hello?", "m1")
    assert ledger.begin_turn(conversation.id, "Hello?", "m1") == first
    assert len(ledger.read(conversation.id).turns) == 1


def test_a_message_id_cannot_be_given_to_another_text(ledger: Ledger) -> None:
    conversation = ledger.start_conversation("public")
    ledger.begin_turn(conversation.id, "Hello?", "m1")
    with pytest.raises(MessageReused):
        ledger.begin_turn(conversation.id, "Goodbye?", "m1")


def test_the_same_message_id_sent_many_times_at_once_is_one_turn(ledger: Ledger) -> None:
    conversation = ledger.start_conversation("public")
    with ThreadPoolExecutor(4) as pool:
        begun = pool.map(lambda _: ledger.begin_turn(conversation.id, "Hi", "m1").id, range(8))
    assert len(set(begun)) == 1


def test_turns_that_begin_together_get_places_of_their_own(ledger: Ledger) -> None:
    conversation = ledger.start_conversation("public")
    with ThreadPoolExecutor(4) as pool:
        begun = pool.map(lambda _: ledger.begin_turn(conversation.id, "Hi").position, range(8))
    assert sorted(begun) == list(range(1, 9))


def test_two_conversations_may_use_the_same_message_id(ledger: Ledger) -> None:
    one, other = ledger.start_conversation("public"), ledger.start_conversation("public")
    assert ledger.begin_turn(one.id, "Hi", "m").id != ledger.begin_turn(other.id, "Hi", "m").id


def test_the_first_reply_to_a_turn_stays(ledger: Ledger) -> None:
    turn = ledger.begin_turn(ledger.start_conversation("public").id, "Hi")
    ledger.finish_turn(turn.id, make_reply("First."))
    assert ledger.finish_turn(turn.id, make_reply("Second.")).text == "First."
    assert ledger.turn(turn.conversation_id, turn.id).reply == make_reply("First.")


def test_only_turns_without_a_reply_are_pending(ledger: Ledger) -> None:
    conversation = ledger.start_conversation("staff")
    done = ledger.begin_turn(conversation.id, "One")
    left = ledger.begin_turn(conversation.id, "Two")
    ledger.finish_turn(done.id, make_reply())
    assert ledger.pending_turns() == [left]
    assert left.audience == "staff"


def test_the_last_rating_counts(ledger: Ledger) -> None:
    turn = ledger.begin_turn(ledger.start_conversation("public").id, "Hi")
    ledger.rate(turn.id, helpful=True)
    ledger.rate(turn.id, helpful=False, comment="Wrong house.")
    rating = ledger.turn(turn.conversation_id, turn.id).rating
    assert rating is not None
    assert (rating.helpful, rating.comment) == (False, "Wrong house.")


def test_what_is_not_there_is_named(ledger: Ledger) -> None:
    conversation = ledger.start_conversation("public")
    with pytest.raises(ConversationNotFound):
        ledger.begin_turn("nobody", "Hi")
    with pytest.raises(ConversationNotFound):
        ledger.read("nobody")
    with pytest.raises(TurnNotFound):
        ledger.finish_turn("nothing", make_reply())
    with pytest.raises(TurnNotFound):
        ledger.rate("nothing", helpful=True)
    turn = ledger.begin_turn(ledger.start_conversation("public").id, "Hi")
    with pytest.raises(TurnNotFound):
        ledger.turn(conversation.id, turn.id)
