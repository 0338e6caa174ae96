"""The nodes that end a turn without an answer, and those that choose."""

import pytest

from agent.events import Clarification, HandedOff
from agent.nodes.abstain import abstain
from agent.nodes.clarify import clarify
from agent.nodes.conclude import conclude
from agent.nodes.decide import decide
from agent.nodes.refer import refer
from agent.nodes.retrieve import fuse_rankings, retrieve
from agent.state import Exchange, Outcome, Reason
from knowledge_base.articles import PUBLIC, STAFF, Ranking
from tests.agent.scenes import CANCELLING, CLEAR, GOODWILL, REFUNDS, SCANT, Scene, begin, find


def after(outcome: Outcome) -> dict[str, Exchange]:
    return {"before": Exchange(question="What?", text="That.", outcome=outcome)}


async def test_abstaining_names_the_nearest_article_and_offers_a_person() -> None:
    came = await abstain(begin(), Scene().runtime)
    assert REFUNDS.title in came["text"]
    assert "person" in came["text"]
    assert "outcome" not in came


async def test_an_article_that_is_far_off_is_not_named() -> None:
    came = await abstain(begin(evidence={"turn_similarity": 0.05}), Scene().runtime)
    assert REFUNDS.title not in came["text"]


async def test_abstaining_without_passages_says_so_all_the_same() -> None:
    came = await abstain(begin(passages=[], evidence={"turn_similarity": 0.0}), Scene().runtime)
    assert came["text"]


async def test_abstaining_a_second_time_in_a_row_hands_off() -> None:
    came = await abstain(begin(turns=after(Outcome.ABSTAINED)), Scene().runtime)
    assert came["outcome"] is Outcome.HANDED_OFF
    assert came["reason"] is Reason.ABSTAINED_TWICE


@pytest.mark.parametrize("before", [Outcome.ANSWERED, Outcome.CLARIFIED, Outcome.HANDED_OFF])
async def test_abstaining_after_something_else_does_not_hand_off(before: Outcome) -> None:
    came = await abstain(begin(turns=after(before)), Scene().runtime)
    assert "outcome" not in came


async def test_the_same_turn_run_again_is_not_the_second_in_a_row() -> None:
    turns = {"now": after(Outcome.ABSTAINED)["before"]}
    assert "outcome" not in await abstain(begin(turns=turns), Scene().runtime)


async def test_clarifying_asks_among_the_nearest_topics() -> None:
    scene = Scene()
    came = await clarify(begin(), scene.runtime)
    assert scene.events == [Clarification(question=came["text"])]
    assert REFUNDS.title in came["text"]
    assert CANCELLING.title in came["text"]
    assert came["text"].endswith("?")


async def test_clarifying_with_nothing_near_asks_openly() -> None:
    scene = Scene()
    came = await clarify(begin(evidence={"turn_similarity": 0.0}), scene.runtime)
    assert REFUNDS.title not in came["text"]
    assert came["text"].endswith("?")


async def test_clarifying_is_done_in_the_customer_s_language() -> None:
    scene = Scene()
    german = await clarify(begin(language="de"), scene.runtime)
    english = await clarify(begin(), scene.runtime)
    assert german["text"] != english["text"]


async def evidence_for(scene: Scene, question: str) -> dict[str, float]:
    return (await retrieve(begin(question), scene.runtime))["evidence"]


async def test_clear_evidence_is_answered_from() -> None:
    scene = Scene(hits=CLEAR)
    state = begin(evidence=await evidence_for(scene, "When does a refund arrive on my card?"))
    came = await decide(state, scene.runtime)
    assert came["outcome"] is Outcome.ANSWERED
    assert 0 < came["confidence"] <= 1


async def test_scant_evidence_for_a_full_question_is_abstained_from() -> None:
    scene = Scene(hits=SCANT)
    question = "Which airlines serve vegetarian breakfast between Lisbon and Oslo?"
    came = await decide(begin(evidence=await evidence_for(scene, question)), scene.runtime)
    assert came["outcome"] is Outcome.ABSTAINED
    assert came["reason"] is Reason.NO_EVIDENCE


async def test_nobody_is_asked_back_twice_in_a_row() -> None:
    scene = Scene(hits=SCANT)
    evidence = await evidence_for(scene, "it doesn't work")
    first = await decide(begin(evidence=evidence), scene.runtime)
    again = await decide(begin(evidence=evidence, turns=after(Outcome.CLARIFIED)), scene.runtime)
    later = await decide(begin(evidence=evidence, turns=after(Outcome.ANSWERED)), scene.runtime)
    assert first["outcome"] is Outcome.CLARIFIED
    assert again["outcome"] is not Outcome.CLARIFIED
    assert later["outcome"] is Outcome.CLARIFIED


@pytest.mark.parametrize(
    "reason",
    [
        Reason.ASKED_FOR_PERSON,
        Reason.UPSET,
        Reason.UNSAFE,
        Reason.OUT_OF_POLICY,
        Reason.ABSTAINED_TWICE,
    ],
)
async def test_referring_tells_the_customer_why(reason: Reason) -> None:
    scene = Scene()
    came = await refer(begin(reason=reason), scene.runtime)
    assert scene.events == [HandedOff(reason=reason, text=came["text"])]
    assert came["text"]


async def test_concluding_keeps_the_exchange_under_the_turn_s_id() -> None:
    came = await conclude(begin("What?", text="That.", outcome=Outcome.ANSWERED), Scene().runtime)
    kept = Exchange(question="What?", text="That.", outcome=Outcome.ANSWERED)
    assert came == {"turns": {"now": kept}}


async def test_sources_go_out_as_soon_as_they_are_found() -> None:
    scene = Scene()
    came = await retrieve(begin(), scene.runtime)
    assert [source.passage_id for source in scene.events[0].sources] == [  # type: ignore[union-attr] # Sources
        passage.id for passage in came["passages"]
    ]
    assert came["index_generation"] == 7


async def test_a_customer_s_search_is_the_public_s_and_staff_s_is_staff_s() -> None:
    scene = Scene(hits=[find(GOODWILL, 0.9, 20, 1.0), *CLEAR])
    public = await retrieve(begin(), scene.runtime)
    staff = await retrieve(begin(audience=STAFF), scene.runtime)
    assert GOODWILL not in public["passages"]
    assert GOODWILL in staff["passages"]
    assert {asked[1] for asked in scene.search.asked} == {PUBLIC, STAFF}


async def test_a_follow_up_is_searched_for_with_what_was_said_before_it() -> None:
    scene = Scene()
    turns = after(Outcome.ANSWERED)
    await retrieve(begin("And now?", standalone="What about that now?", turns=turns), scene.runtime)
    assert [asked[0] for asked in scene.search.asked] == [
        "And now?", "What about that now?", "What? And now?", "That. And now?", "That.",
    ]  # fmt: skip


async def test_a_first_question_is_searched_for_once() -> None:
    scene = Scene()
    await retrieve(begin(), scene.runtime)
    assert len(scene.search.asked) == 1


async def test_finding_nothing_is_no_error() -> None:
    scene = Scene(hits=())
    came = await retrieve(begin(), scene.runtime)
    assert came["passages"] == []
    decision = await decide(begin(evidence=came["evidence"]), scene.runtime)
    assert decision["outcome"] is not Outcome.ANSWERED


def test_what_stands_high_in_two_rankings_comes_first() -> None:
    first = Ranking("a", (find(REFUNDS, 1, 1, 1), find(CANCELLING, 1, 1, 1)))
    second = Ranking("b", (find(CANCELLING, 1, 1, 1), find(GOODWILL, 1, 1, 1)))
    assert fuse_rankings({"standalone": first, "turn": second})[0] == CANCELLING
    assert fuse_rankings({}) == []


def test_what_the_customer_meant_outweighs_what_was_replied() -> None:
    meant = Ranking("a", (find(REFUNDS, 0.8, 1, 1),))
    replied = Ranking("b", (find(CANCELLING, 1, 1, 1),))
    assert fuse_rankings({"replied": replied, "standalone": meant})[0] == REFUNDS
