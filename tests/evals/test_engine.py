from typing import Literal

import pytest

from evals.engine import Plan, measure_system, read_turns
from evals.errors import EvalError
from evals.loads import repeat
from evals.suites import Case, Suite
from knowledge_base.articles import Article
from tests.fakes.chat_model import FakeChatModel

SOURCES = 1200


def make_suite(expect: Literal["answer", "abstain"] = "answer") -> Suite:
    articles = [
        Article(id=f"a{n}", title=f"Article {n}", text=f"Fact {n}.", audience="public")
        for n in range(4)
    ]
    cases = [
        Case(id=f"c{n}", question=f"What is fact {n}?", expect=expect, relevant=(f"a{n}",))
        for n in range(4)
    ]
    return Suite("small", tuple(articles), tuple(cases), "")


def test_turns_carry_their_sources_into_the_prompt() -> None:
    for turn in read_turns(make_suite(), 4, SOURCES):
        prompt = turn.ask("Larkstay", 8).messages[-1]["content"]
        assert turn.question in prompt
        assert turn.question.replace("What is f", "F").replace("?", ".") in prompt


def test_a_suite_without_answers_is_refused() -> None:
    with pytest.raises(EvalError, match="expect = answer"):
        read_turns(make_suite("abstain"), 4, SOURCES)


def test_what_is_asked_often_is_asked_most_and_each_time_the_same() -> None:
    turns = read_turns(make_suite(), 4, SOURCES)
    drawn = repeat(turns, 400)
    counts = [drawn.count(turn) for turn in turns]
    assert counts == sorted(counts, reverse=True)
    assert drawn == repeat(turns, 400)


async def test_each_number_of_customers_is_measured_cold_and_repeated() -> None:
    model = FakeChatModel()
    told: list[str] = []
    plan = Plan(read_turns(make_suite(), 3, SOURCES), [1, 2], 8)
    result = await measure_system(model, "fake", plan, lambda load, _: told.append(load))
    assert set(result) == {"cold", "zipf"}
    assert told[:2] == ["cold, 1 at once", "zipf, 1 at once"]
    for loads in result.values():
        assert set(loads) == {"1", "2"}
        assert all(each["turns_per_minute"] > 0 for each in loads.values())
    assert len(model.requests) == 2 * (3 + 6)
    starts = {request.messages[0]["content"] for request in model.requests}
    assert len(starts) == 4  # nothing is left over from the run before
    assert model.open == 0
