"""The trained classifier: words for every ticket, embedders for the doubtful ones."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from agent.triage.costs import Costs
from agent.triage.encoding import Encoder, Vectors
from agent.triage.features import Depth, Features
from agent.triage.hearing import Hearing
from agent.triage.judging import Judge
from agent.triage.novelty import Novelty, find_nearest, read_traits
from agent.triage.verdicts import Stage
from agent.triage.views import Words

STAGES = {Depth.WORDS: Stage.WORDS, Depth.QUICK: Stage.QUICK, Depth.THOROUGH: Stage.THOROUGH}


class Encoders(NamedTuple):
    """The embedder for doubtful tickets; the larger one, if it is here, for what stays so."""

    quick: Encoder
    thorough: Encoder | None = None

    def list_all(self) -> list[Encoder]:
        """Return those that are here, the quickest first."""
        return [encoder for encoder in self if encoder]


@dataclass(frozen=True, slots=True)
class Known:
    """Labelled tickets to compare with, and their categories.

    `exact` has the categories of all that were trained on, by the hash of what near duplicates
    share; what was sorted into several is not there.
    """

    texts: tuple[str, ...]
    categories: tuple[str, ...]
    features: Features
    exact: Mapping[int, str]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the classifier thinks of a ticket.

    `chances` are probabilities by label column, in the order of the judge's names; `nearest` are
    places among the known tickets, `cosines` how near these are. `vector` is the quick
    embedder's, if it looked; `sentiment` is what words tell.
    """

    chances: dict[str, NDArray[np.float64]]
    belongs: float
    in_scope: bool
    depth: Depth
    nearest: tuple[int, ...]
    cosines: tuple[float, ...]
    vector: Vectors | None = None
    suspected: bool = False
    sentiment: str = ""


@dataclass(frozen=True, slots=True)
class Classifier:
    """Judges of all label columns; the first one's categories are the scope.

    `scope` says for each depth how likely it is that a ticket belongs to any of them;
    `languages` are those of the history.
    """

    words: Words
    hearing: Hearing
    judges: tuple[Judge, ...]
    scope: tuple[Novelty, ...]
    known: Known
    languages: tuple[str, ...]

    def classify(
        self, texts: Sequence[str], encoders: Encoders, costs: Costs | None = None
    ) -> list[Verdict]:
        """Judge texts by their words, and what is doubted one depth deeper, as far as it goes.

        What each depth takes is counted in `costs`.
        """
        if not texts:
            return []
        costs = costs or Costs()
        with costs.count(STAGES[Depth.WORDS], len(texts)):
            seen = Features(self.words.read(texts))
            verdicts = self._judge(seen, self.hearing.listen(texts))
        rows = list(range(len(texts)))
        for encoder in encoders.list_all()[: len(self.scope) - 1]:
            doubted = [place for place, row in enumerate(rows) if self._doubts(verdicts[row])]
            if not doubted:
                break
            rows = [rows[place] for place in doubted]
            with costs.count(STAGES[Depth(seen.depth + 1)], len(rows)):
                seen = seen.take(doubted).add(encoder.encode([texts[row] for row in rows]))
                heard = [(verdicts[row].suspected, verdicts[row].sentiment) for row in rows]
                for row, verdict in zip(rows, self._judge(seen, heard), strict=True):
                    verdicts[row] = verdict
        return verdicts

    def _doubts(self, verdict: Verdict) -> bool:
        if not verdict.in_scope or (verdict.suspected and verdict.depth is Depth.WORDS):
            return True
        return any(
            verdict.chances[judge.label].max() < judge.escalate[verdict.depth]
            for judge in self.judges
        )

    def _judge(self, seen: Features, heard: Sequence[tuple[bool, str]]) -> list[Verdict]:
        depth = seen.depth
        chances = {judge.label: judge.judge(seen) for judge in self.judges}
        nearest = find_nearest(seen.see(depth), self.known.features.see(depth), None)
        novelty = self.scope[depth]
        belongs = novelty.judge(read_traits(chances[self.judges[0].label], nearest))
        return [
            Verdict(
                {label: rows[row] for label, rows in chances.items()},
                float(belongs[row]),
                bool(belongs[row] >= novelty.least),
                depth,
                tuple(map(int, nearest.places[row])),
                tuple(map(float, nearest.cosines[row])),
                seen.vectors[0][row] if depth else None,
                *heard[row],
            )
            for row in range(len(seen))
        ]
