"""The passage's own sentence, for where the model's would not hold."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from agent.ports import Encoder
from agent.relevance import gives_what_is_asked
from agent.verification.evidence import QUOTED, Unit, read_units
from agent.verification.words import content_stems, read_words
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
        """The unit in quotation marks, with the line that leads it in."""
        whole = f"{self.unit.lead} {self.unit.text}".strip()
        return f"“{whole.rstrip(';,')}”"


async def find_quotation(
    encoder: Encoder, question: str, passages: Sequence[Passage]
) -> Quotation | None:
    """Return the nearest sentence that speaks of what was asked, None if there is none."""
    units = [u for passage in passages for u in read_units(passage) if _is_quotable(u)]
    if not units:
        return None
    vectors = await encoder.encode([question, *(f"{u.context}. {u.text}" for u in units)])
    nearness = vectors[1:] @ vectors[0]
    asked = content_stems(read_words(question))
    for place in np.argsort(-nearness, kind="stable"):
        if nearness[place] < TO_THE_POINT:
            break
        unit = units[place]
        if _touches(asked, unit) and gives_what_is_asked(question, unit.text):
            return Quotation(unit, float(nearness[place]))
    return None


def _touches(asked: frozenset[str], unit: Unit) -> bool:
    """Whether the unit itself, and not only its headings, speaks of half of what was asked.

    A title brings its words to every sentence below it: they don't tell the sentences apart.
    """
    special = asked - unit.context_stems or asked
    return 2 * len(special & unit.stems) >= len(special)


def _is_quotable(unit: Unit) -> bool:
    return unit.quotable and len(unit.text) <= LONGEST and not QUOTED.search(unit.text)
