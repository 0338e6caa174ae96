"""Answer, clarify or abstain: a small calibrated model over the evidence."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

HERE = Path(__file__).parent


class Choice(StrEnum):
    """What to do with a question."""

    ANSWER = "answer"
    CLARIFY = "clarify"
    ABSTAIN = "abstain"


@dataclass(frozen=True, slots=True)
class Decision:
    """The choice, and the calibrated probability of each."""

    choice: Choice
    chances: Mapping[Choice, float]

    @property
    def confidence(self) -> float:
        """The probability that the choice is right."""
        return self.chances[self.choice]


@dataclass(frozen=True, slots=True)
class Decider:
    """Multinomial logistic regression on standardised features.

    `weights` is [choices, features]. It answers where the probability of an answer reaches
    `answer_from`, else it takes the likelier of the other two.
    """

    features: tuple[str, ...]
    choices: tuple[Choice, ...]
    mean: NDArray[np.float64]
    scale: NDArray[np.float64]
    weights: NDArray[np.float64]
    bias: NDArray[np.float64]
    answer_from: float

    @classmethod
    def load(cls, path: Path = HERE / "decider.json") -> Self:
        """Read what `python -m agent.decision.training` wrote."""
        saved: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return cls(
            features=tuple(saved["features"]),
            choices=tuple(Choice(name) for name in saved["choices"]),
            mean=np.asarray(saved["mean"]),
            scale=np.asarray(saved["scale"]),
            weights=np.asarray(saved["weights"]),
            bias=np.asarray(saved["bias"]),
            answer_from=float(saved["answer_from"]),
        )

    def decide(self, evidence: Mapping[str, float], *, may_clarify: bool = True) -> Decision:
        """Choose by the evidence; KeyError if a feature is missing."""
        row = np.array([evidence[name] for name in self.features])
        scores = self.weights @ ((row - self.mean) / self.scale) + self.bias
        powers = np.exp(scores - scores.max())
        chances = dict(zip(self.choices, (powers / powers.sum()).tolist(), strict=True))
        return Decision(self._choose(chances, may_clarify=may_clarify), chances)

    def _choose(self, chances: Mapping[Choice, float], *, may_clarify: bool) -> Choice:
        if chances[Choice.ANSWER] >= self.answer_from:
            return Choice.ANSWER
        if may_clarify and chances[Choice.CLARIFY] >= chances[Choice.ABSTAIN]:
            return Choice.CLARIFY
        return Choice.ABSTAIN
