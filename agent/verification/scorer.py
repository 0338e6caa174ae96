"""How likely a sentence is to be supported, from figures, by two small logistic regressions.

One tells whether the sentence was drawn from these passages and not from others; the other,
whether it was drawn from them unaltered. A sentence needs both, so the chances are multiplied,
and the product is calibrated (Platt, 1999) for even odds of a supported and an unsupported one.
`evals/training.py` fits them; scorer.json says on what, and how well they did on the rest.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from math import exp, log
from pathlib import Path
from typing import Any, Self

FILE = Path(__file__).with_name("scorer.json")
LEAST = 1e-6


@dataclass(frozen=True, slots=True)
class Regression:
    """A logistic regression over named figures, standardised by mean and scale."""

    features: tuple[str, ...]
    mean: tuple[float, ...]
    scale: tuple[float, ...]
    weights: tuple[float, ...]
    bias: float

    @classmethod
    def read(cls, saved: Mapping[str, Any]) -> Self:
        """Make one from its saved form."""
        return cls(
            features=tuple(saved["features"]),
            mean=tuple(saved["mean"]),
            scale=tuple(saved["scale"]),
            weights=tuple(saved["weights"]),
            bias=float(saved["bias"]),
        )

    def chance(self, figures: Mapping[str, float]) -> float:
        """Return the chance from 0 to 1; raises KeyError where a figure is missing."""
        standardised = (
            weight * (figures[name] - mean) / scale
            for name, mean, scale, weight in zip(
                self.features, self.mean, self.scale, self.weights, strict=True
            )
        )
        return squash(self.bias + sum(standardised))


@dataclass(frozen=True, slots=True)
class Scorer:
    """Scores figures; a sentence that scores below `show_from` is not to be shown."""

    drawn: Regression
    unaltered: Regression
    slope: float
    bias: float
    show_from: float

    @classmethod
    def load(cls, path: Path = FILE) -> Self:
        """Read what training has saved."""
        saved = json.loads(path.read_text(encoding="utf-8"))
        return cls(
            drawn=Regression.read(saved["drawn"]),
            unaltered=Regression.read(saved["unaltered"]),
            slope=float(saved["slope"]),
            bias=float(saved["bias"]),
            show_from=float(saved["show_from"]),
        )

    def score(self, figures: Mapping[str, float]) -> float:
        """Return how likely the sentence is supported, from 0 to 1."""
        both = self.drawn.chance(figures) * self.unaltered.chance(figures)
        return squash(self.bias + self.slope * to_odds(both))


def squash(value: float) -> float:
    """Return the logistic function of a value."""
    return 1 / (1 + exp(-max(-30.0, min(30.0, value))))


def to_odds(chance: float) -> float:
    """Return the logarithm of a chance's odds."""
    kept = min(1 - LEAST, max(LEAST, chance))
    return log(kept / (1 - kept))
