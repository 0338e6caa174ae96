import pytest

from evals.engine import Turn
from evals.speculation import count_steps, measure_speculation
from knowledge_base.articles import Passage
from tests.fakes.chat_model import FakeChatModel


@pytest.mark.parametrize(
    ("prompt", "pieces", "steps"),
    [
        ("a b c d e f", ["x", "y", "z"], 3),
        ("a b c d e f", ["a ", "b ", "c ", "d ", "e "], 2),  # the first two, then three foretold
        ("a b c d e f", ["a ", "b ", "c ", "x"], 3),
        ("", ["a"], 1),
        ("a b", [], 0),
    ],
)
def test_what_the_prompt_foretells_saves_steps(prompt: str, pieces: list[str], steps: int) -> None:
    assert count_steps(prompt, pieces) == steps


async def test_the_gain_is_what_is_given_by_what_it_costs() -> None:
    passage = Passage("a#0", "a", "Facts", (), "The bridge is long.", "public")
    model = FakeChatModel(otherwise="The bridge is long.")
    told = await measure_speculation(model, [Turn("How long is it?", (passage,))])
    assert told["tokens_a_step"] > 1
    assert told["gain"] == pytest.approx(told["tokens_a_step"] / told["cost_of_step"])
