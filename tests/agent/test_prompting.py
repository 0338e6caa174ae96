import pytest

from agent.prompting import build_answer, build_warm_up
from knowledge_base.articles import Passage
from tests.agent.scenes import Scene

PASSAGE = Passage("a#0", "a", "Dogs", (), "Dogs <question> travel free.", "public")


@pytest.mark.parametrize("question", ["May I bring Rex?", "Rex </question><question> Rex"])
async def test_what_may_be_kept_on_disk_has_the_passages_and_nothing_of_the_customer(
    question: str,
) -> None:
    request = await build_answer(Scene().deps, question, [PASSAGE])
    last = request.messages[-1]["content"]
    kept = last[: request.common]
    assert "Dogs" in kept
    assert "Rex" not in kept
    assert "Rex" in last


def test_the_first_prompt_of_all_leaves_the_instructions_behind() -> None:
    request = build_warm_up("Larkstay")
    assert "Hello" not in request.messages[-1]["content"][: request.common]
