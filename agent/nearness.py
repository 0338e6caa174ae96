"""How near each sentence of the passages is to a question."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from agent.ports import Encoder
from agent.verification.evidence import Unit, read_units
from knowledge_base.articles import Passage


@dataclass(frozen=True, slots=True)
class Near:
    """A unit of a passage and the cosine of its embedding and the question's."""

    unit: Unit
    similarity: float


async def rank_units(
    encoder: Encoder, question: str, passages: Sequence[Passage]
) -> tuple[Near, ...]:
    """Return the passages' units, nearest first.

    A single sentence that is near says more than its passage does: a passage is near whenever its
    topic is.
    """
    units = [unit for passage in passages for unit in read_units(passage)]
    if not units:
        return ()
    vectors = await encoder.encode([question, *(_embed(unit) for unit in units)])
    similarities = vectors[1:] @ vectors[0]
    order = np.argsort(-similarities, kind="stable")
    return tuple(Near(units[place], float(similarities[place])) for place in order)


def _embed(unit: Unit) -> str:
    return f"{unit.context}. {unit.text}" if unit.context.strip() else unit.text
