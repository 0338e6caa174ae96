from pathlib import Path

import pytest

from agent.models.catalogue import find
from agent.models.local import LocalChatModel
from agent.ports import Clock
from evals.roofline import measure_roofline


@pytest.mark.model
async def test_a_model_reaches_a_part_of_what_the_machine_could_do(
    small_model: Path, clock: Clock
) -> None:
    model = LocalChatModel(small_model, "small", "", clock=clock)
    await model.start()
    try:
        told = await measure_roofline(model, find("qwen2.5-coder-0.5b-instruct").size, 2)
        parameters, table = model.weights
    finally:
        await model.aclose()
    assert round((parameters - 2 * table) / 1e9, 2) == 0.36  # the card: non-embedding
    assert all(value > 0 for value in told.values())
