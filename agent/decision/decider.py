"""Answer, clarify or abstain: small calibrated models over the evidence."""

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
class Regression:
    """Multinomial logistic regression on standardised features; `weights` is [choices, features].

    An answer is tried from the probability `answer_from` on. Else the customer is asked back, if
    that is no less than 1 / `clarify_odds` times as likely to be right as abstaining is.
    """

    choices: tuple[Choice, ...]
    mean: NDArray[np.float64]
    scale: NDArray[np.float64]
    weights: NDArray[np.float64]
    bias: NDArray[np.float64]
    answer_from: float
    clarify_odds: float

    @classmethod
    def read(cls, saved: Mapping[str, Any]) -> Self:
        """Return the regression that training saved."""
        return cls(
            choices=tuple(Choice(name) for name in saved["choices"]),
            mean=np.asarray(saved["mean"]),
            scale=np.asarray(saved["scale"]),
            weights=np.asarray(saved["weights"]),
            bias=np.asarray(saved["bias"]),
            answer_from=float(saved["answer_from"]),
            clarify_odds=float(saved["clarify_odds"]),
        )

    def decide(self, row: NDArray[np.float64], *, may_clarify: bool) -> Decision:
        """Choose by features of shape [features]."""
        scores = self.weights @ ((row - self.mean) / self.scale) + self.bias
        powers = np.exp(scores - scores.max())
        chances = dict(zip(self.choices, (powers / powers.sum()).tolist(), strict=True))
        return Decision(self._choose(chances, may_clarify=may_clarify), chances)

    def _choose(self, chances: Mapping[Choice, float], *, may_clarify: bool) -> Choice:
        if chances[Choice.ANSWER] >= self.answer_from:
            return Choice.ANSWER
        odds = self.clarify_odds * chances[Choice.CLARIFY]
        if may_clarify and odds >= chances[Choice.ABSTAIN]:
            return Choice.CLARIFY
        return Choice.ABSTAIN


@dataclass(frozen=True, slots=True)
class Decider:
    """Decides on first messages and on follow-ups by a regression each.

    What a short message means depends on whether something was said before it.
    """

    features: tuple[str, ...]
    first: Regression
    follow_up: Regression

    @classmethod
    def load(cls, path: Path = HERE / "decider.json") -> Self:
        """Read what `python -m agent.decision.training` wrote."""
        saved: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        first, follow_up = (Regression.read(saved[name]) for name in ("first", "follow_up"))
        return cls(tuple(saved["features"]), first, follow_up)

    def decide(self, evidence: Mapping[str, float], *, may_clarify: bool = True) -> Decision:
        """Choose by the evidence; KeyError if a feature is missing."""
        regression = self.follow_up if evidence["follow_up"] else self.first
        row = np.array([evidence[name] for name in self.features])
        return regression.decide(row, may_clarify=may_clarify)
