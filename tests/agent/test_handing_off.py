"""What goes on between the agent and a person in one conversation."""

import pytest

from agent.assistant import Assistant
from agent.errors import ModelBusy, NotHandedOff
from agent.events import Done, HandedOff
from agent.rewording import Manner, says_the_same
from agent.state import Message, Outcome, Reason, Wish
from tests.agent.scenes import GOODWILL, QUESTION, SCANT, TRUE, Scene, find
from tests.agent.test_assistant import PERSON, SAID, Saver, ask, read_reply, read_turns

ANN = "This is Ann. Your refund to the credit card was sent on Monday."
STAFF_ONLY = (find(GOODWILL, 0.86, 24.0, 1.0), *SCANT)


async def test_a_silent_turn_says_nothing_and_asks_no_model(checkpoints: Saver) -> None:
    scene = Scene([SAID])
    events = Assistant(scene.deps, checkpoints).stay_silent("t2", "Hello? Anybody there?")
    assert [type(event) for event in events] == [HandedOff, Done]
    reply = read_reply(list(events))
    assert (reply.outcome, reply.reason) == (Outcome.HANDED_OFF, Reason.WITH_PERSON)
    assert reply.text == ""
    assert not scene.model.requests


async def test_a_wish_for_a_person_is_heard_whatever_the_words(checkpoints: Saver) -> None:
    assistant = Assistant(Scene([SAID]).deps, checkpoints)
    events = [e async for e in assistant.reply("c", "t1", QUESTION, wish=Wish.PERSON)]
    assert read_reply(events).reason is Reason.ASKED_FOR_PERSON


async def test_a_person_s_words_go_on_in_the_same_conversation(checkpoints: Saver) -> None:
    scene = Scene(["When does a refund arrive on my credit card?", SAID])
    assistant = Assistant(scene.deps, checkpoints)
    await ask(assistant, PERSON, "t1")
    await assistant.resume("c", "m1", ANN)
    reply = read_reply(await ask(assistant, "And when does it arrive on my credit card?", "t2"))
    assert reply.outcome is Outcome.ANSWERED
    assert "This is Ann" in scene.model.requests[0].messages[-1]["content"]


async def test_the_same_message_is_taken_in_once_and_later_ones_are_added(
    checkpoints: Saver,
) -> None:
    assistant = Assistant(Scene().deps, checkpoints)
    await ask(assistant, PERSON, "t1")
    for _ in range(2):
        await assistant.resume("c", "m1", ANN)
    await assistant.resume("c", "m2", "Is there anything else?", asked="Thank you!")
    turns = await read_turns(checkpoints)
    assert list(turns) == ["t1", "person:m1", "person:m2"]
    assert turns["person:m2"].question == "Thank you!"


async def test_a_hand_off_does_not_cause_the_next_one(checkpoints: Saver) -> None:
    assistant = Assistant(Scene([SAID, SAID]).deps, checkpoints)
    await ask(assistant, PERSON, "t1")
    reply = read_reply(await ask(assistant, QUESTION, "t2"))
    assert reply.outcome is Outcome.ANSWERED
    assert list(await read_turns(checkpoints)) == ["t1", "t2"]


async def test_a_handed_off_turn_run_again_still_waits_for_its_person(checkpoints: Saver) -> None:
    assistant = Assistant(Scene([SAID]).deps, checkpoints)
    for _ in range(2):
        assert read_reply(await ask(assistant, PERSON, "t1")).reason is Reason.ASKED_FOR_PERSON
    await assistant.resume("c", "m1", ANN)
    assert list(await read_turns(checkpoints)) == ["t1", "person:m1"]


async def test_words_for_a_conversation_that_nobody_knows_are_refused(checkpoints: Saver) -> None:
    with pytest.raises(NotHandedOff):
        await Assistant(Scene().deps, checkpoints).resume("c", "m1", ANN)


async def test_a_suggestion_rests_on_staff_s_articles_too_and_says_which(
    checkpoints: Saver,
) -> None:
    scene = Scene(["A refund to a credit card may be hurried with the code FAST [1]."], STAFF_ONLY)
    suggestion = await Assistant(scene.deps, checkpoints).suggest("How is a refund hurried?")
    assert suggestion.internal[:1] == [GOODWILL.id]
    assert {asked[1] for asked in scene.search.asked} == {"staff"}


async def test_a_suggestion_is_made_even_for_words_that_ask_for_a_person(
    checkpoints: Saver,
) -> None:
    scene = Scene([SAID])
    asked = f"{QUESTION} I want to talk to a person"
    suggestion = await Assistant(scene.deps, checkpoints).suggest(asked)
    assert suggestion.outcome is Outcome.ANSWERED
    assert TRUE.split()[1] in suggestion.text


CONVERSATION = (
    Message(role="customer", text="My refund of $120 has not come."),
    Message(role="agent", text="I can't find that in our articles."),
    Message(role="customer", text="A person please"),
)


@pytest.mark.parametrize(
    ("said", "line"),
    [
        ("Refund of $120 has not come.", "Refund of $120 has not come."),
        ("Refund of $900 has not come.", "A person please"),
        ("", "A person please"),
    ],
)
async def test_a_summary_holds_no_number_that_nobody_said(
    checkpoints: Saver, said: str, line: str
) -> None:
    assistant = Assistant(Scene([said]).deps, checkpoints)
    assert await assistant.summarise(CONVERSATION) == line


async def test_a_busy_model_is_said_to_be_busy(checkpoints: Saver) -> None:
    with pytest.raises(ModelBusy):
        await Assistant(Scene([ModelBusy(2)]).deps, checkpoints).summarise(CONVERSATION)


BEFORE = "You will not get the $50 back before 3 May. See https://larkstay.example/refunds."


@pytest.mark.parametrize(
    ("after", "manner", "same"),
    [
        ("You won't get the $50 before 3 May. See https://larkstay.example/refunds.", "warmer", 1),
        ("You will not get the $50 before 3 May.", "shorter", 1),
        ("You will not get the $50 before 3 May.", "more_formal", 0),
        ("You will get the $50 before 3 May. See https://larkstay.example/refunds.", "warmer", 0),
        ("You will not get the $60 back before 3 May.", "shorter", 0),
        ("You will not get the $50 back before 3 May, says Erika.", "shorter", 0),
    ],
)
def test_a_rewording_keeps_the_facts(after: str, manner: str, same: int) -> None:
    assert says_the_same(BEFORE, after, Manner(manner)) is bool(same)


async def test_a_rewording_that_changes_what_is_said_is_not_given(checkpoints: Saver) -> None:
    kept = "Kindly note that you will not get the $50 back before 3 May."
    scene = Scene([kept, "You get $60 back."])
    assistant = Assistant(scene.deps, checkpoints)
    assert await assistant.reword(BEFORE, Manner.SHORTER) == kept
    assert await assistant.reword(BEFORE, Manner.SHORTER) is None
