from agent.excerpts import ROOM, make_excerpts
from agent.verification.evidence import read_units
from knowledge_base.articles import Passage
from tests.agent.scenes import CANCELLING, REFUNDS, make_passage
from tests.fakes.encoder import FakeEncoder

BEST = make_passage("See the help page for details. Call us, or write. " * 20, "Best", "best")
FILLER = [f"Paragraph {n} is about towels, sheets and soap in a flat by the sea." for n in range(9)]


async def cut(question: str, *others: str) -> list[Passage]:
    passages = [make_passage(text, "Other", f"other-{n}") for n, text in enumerate(others)]
    return await make_excerpts(FakeEncoder(), question, [BEST, *passages])


async def test_the_best_passage_stays_as_it_is() -> None:
    assert (await cut("A pet?", " ".join(FILLER)))[0] is BEST


async def test_what_has_room_stays_as_it_is() -> None:
    passages = [BEST, REFUNDS, CANCELLING]
    assert await make_excerpts(FakeEncoder(), "A refund?", passages) == passages


async def test_nothing_in_hand_is_nothing_to_read() -> None:
    assert await make_excerpts(FakeEncoder(), "A refund?", []) == []


async def test_the_nearest_sentence_is_read_with_those_beside_it() -> None:
    text = [*FILLER[:4], "A pet costs $20 a night.", *FILLER[4:]]
    _, other = await cut("What does a pet cost?", " ".join(text))
    assert "A pet costs $20 a night." in other.text
    assert FILLER[3] in other.text
    assert FILLER[4] in other.text
    assert len(other.text) < 2 * ROOM


async def test_a_passage_with_nothing_near_is_left_out() -> None:
    near = " ".join(f"A pet over {n} kg pays ${n} a night." for n in range(20))
    read = await cut("What does a pet pay?", " ".join(FILLER), near)
    assert [passage.id for passage in read] == ["best#0", "other-1#0"]


async def test_a_passage_that_is_evidence_of_nothing_is_left_out() -> None:
    assert len(await cut("A pet?", "See our website.")) == 1


async def test_a_sentence_keeps_the_heading_and_the_line_that_lead_to_it() -> None:
    items = "\n".join(f"- a pet snake longer than {n} metres" for n in range(20))
    text = f"{FILLER[0]}\n\n## Houses\n\nAsk first.\n\nThese are not allowed:\n\n{items}"
    _, other = await cut("Is a pet snake allowed?", text)
    heading, beside, lead, *listed = other.text.splitlines()
    assert (heading, beside, lead) == ("## Houses", "Ask first.", "These are not allowed:")
    assert 0 < len(listed) < 20
    assert set(listed) <= set(items.splitlines())


async def test_what_was_cut_says_nothing_that_the_passage_does_not() -> None:
    table = "| Pet | Fee |\n| --- | --- |\n" + "\n".join(f"| pet {n} | ${n} |" for n in range(60))
    _, other = await cut("What is the fee for pet 7?", table)
    whole = {unit.text for unit in read_units(make_passage(table))}
    assert "Pet: pet 7; Fee: $7" in other.text.splitlines()
    assert set(other.text.splitlines()) <= whole
