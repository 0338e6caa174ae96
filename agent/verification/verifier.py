"""Whether a sentence is supported by passages, word for word or in other words.

Two judges have to agree. The strict checks (`checks`) look for a unit of a passage that states
the sentence, and say what is wrong with it. The score (`scorer`) says how likely it is supported,
from figures over all the passages (`features`).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from agent.verification.checks import Claim, Failure, Finding, check, is_disputed
from agent.verification.evidence import Unit
from agent.verification.features import measure
from agent.verification.scorer import Scorer
from agent.verification.words import content_stems, read_words
from knowledge_base.articles import Passage

__all__ = ["Failure", "Verdict", "Verifier", "take_figures"]

# Of these, no score can be read.
HOPELESS = frozenset({Failure.PLACEHOLDER, Failure.NO_PASSAGE})


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of verifying a sentence.

    `score` is the chance from 0 to 1 that the passages support it, at even odds beforehand;
    `supported` asks more: every strict check too. `unit` is the best unit of evidence, None if
    there is none.
    """

    score: float
    unit: Unit | None
    failure: Failure | None = None

    @property
    def supported(self) -> bool:
        """Whether the sentence may be shown."""
        return self.failure is None


class Verifier:
    """Verifies sentences against passages. `names` need not stand in any passage."""

    def __init__(self, names: Sequence[str] = (), scorer: Scorer | None = None) -> None:
        self.names = frozenset(word.stem for name in names for word in read_words(name))
        self._scorer = scorer or Scorer.load()

    def verify(self, sentence: str, passages: Sequence[Passage], question: str = "") -> Verdict:
        """Return the best verdict that any of the passages gives, the first ones preferred."""
        claim = Claim(sentence, content_stems(read_words(question)))
        found = check(claim, passages, self.names)
        if found.failure in HOPELESS or not (claim.stems or claim.quantities):
            return Verdict(0.0, None, found.failure)
        score = self._scorer.score(take_figures(claim, found, passages, self.names))
        if found.failure is None and score < self._scorer.show_from:
            return Verdict(score, found.unit, Failure.UNLIKELY)
        return Verdict(score, found.unit, found.failure)

    def is_disputed(self, sentence: str, unit: Unit, witnesses: Sequence[Passage]) -> bool:
        """Whether one of the witnesses, from another article than the unit, says otherwise."""
        return is_disputed(Claim(sentence), unit, witnesses)


def take_figures(
    claim: Claim, found: Finding, passages: Sequence[Passage], names: frozenset[str]
) -> dict[str, float]:
    """Return all that the score is made of; `found` is what the checks found of the claim."""
    figures = measure(claim.text, passages, claim.known, names)
    return figures | {"stated": float(found.failure is None)}
