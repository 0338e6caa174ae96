"""The passage's own sentence, for where the model's would not hold."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from agent.ports import Encoder
from agent.verification.evidence import QUOTED, Unit, read_units
from knowledge_base.articles import Passage

# Cosine of question and sentence (with its headings) from which a quotation is to the point.
# Measured on the training questions: see docs/decisions/0002.
TO_THE_POINT = 0.5
LONGEST = 320


@dataclass(frozen=True, slots=True)
class Quotation:
    """A unit of a passage and how near it is to the question."""

    unit: Unit
    nearness: float

    @property
    def text(self) -> str:
        """The unit in quotation marks."""
        return f"“{self.unit.text.rstrip(';,').strip()}”"


async def find_quotation(
    encoder: Encoder, question: str, passages: Sequence[Passage]
) -> Quotation | None:
    """Return the sentence nearest to the question, None if none is near enough."""
    units = [u for passage in passages for u in read_units(passage) if _is_quotable(u)]
    if not units:
        return None
    vectors = await encoder.encode([question, *(f"{u.context}. {u.text}" for u in units)])
    nearness = vectors[1:] @ vectors[0]
    best = int(np.argmax(nearness))
    if nearness[best] < TO_THE_POINT:
        return None
    return Quotation(units[best], float(nearness[best]))


def _is_quotable(unit: Unit) -> bool:
    return unit.quotable and len(unit.text) <= LONGEST and not QUOTED.search(unit.text)
