"""The passage's own sentence, for where the model's would not hold."""

from collections.abc import Sequence
from dataclasses import dataclass

from agent.nearness import rank_units
from agent.ports import Encoder
from agent.relevance import gives_what_is_asked
from agent.verification.evidence import QUOTED, Unit
from agent.verification.words import content_stems, read_words
from knowledge_base.articles import Passage

# Cosine of question and sentence (with its headings) from which a quotation is to the point.
# Measured on the training questions: see docs/decisions/0002.
TO_THE_POINT = 0.4
# From here on it is to the point in whatever words.
PLAINLY_TO_THE_POINT = 0.5
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
    asked = content_stems(read_words(question))
    for near in await rank_units(encoder, question, passages):
        if near.similarity < TO_THE_POINT:
            break
        unit = near.unit
        close = near.similarity >= PLAINLY_TO_THE_POINT or _touches(asked, unit)
        if close and _is_quotable(unit) and gives_what_is_asked(question, unit.text):
            return Quotation(unit, near.similarity)
    return None


def _touches(asked: frozenset[str], unit: Unit) -> bool:
    """Whether the unit itself, and not only its headings, speaks of half of what was asked.

    A title brings its words to every sentence below it: they don't tell the sentences apart.
    """
    special = asked - unit.context_stems or asked
    return 2 * len(special & unit.stems) >= len(special)


def _is_quotable(unit: Unit) -> bool:
    """Whether the unit may stand alone: a question, as in lists of them, answers nothing."""
    states = unit.quotable and not unit.text.rstrip().endswith("?")
    return states and len(unit.text) <= LONGEST and not QUOTED.search(unit.text)
