"""One calibrated judgement out of several views."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import log_softmax, softmax

Scores = NDArray[np.float64]
Places = NDArray[np.int64]
START = 1.0
PULL = 1e-3


@dataclass(frozen=True, slots=True)
class Stack:
    """How much each view's scores count; temperature scaling where there is one view.

    Log-linear pooling of experts, its weights fitted on out-of-fold scores (Wolpert, 1992;
    Guo et al., 2017, for the temperature).
    """

    weights: tuple[float, ...]

    @classmethod
    def fit(cls, views: Sequence[Scores], classes: Places) -> Self:
        """Fit on scores of shape [rows, classes], one array a view, that saw none of the rows."""

        def lose(logs: NDArray[np.float64]) -> float:
            pooled = log_softmax(pool(views, np.exp(logs)), axis=1)
            loss = -pooled[np.arange(len(classes)), classes].mean()
            return float(loss + PULL * (logs**2).sum())

        found = minimize(lose, np.full(len(views), np.log(START)), method="L-BFGS-B")
        return cls(tuple(float(weight) for weight in np.exp(found.x)))

    def judge(self, views: Sequence[Scores]) -> Scores:
        """Return probabilities of shape [rows, classes]."""
        return np.asarray(softmax(pool(views, np.asarray(self.weights)), axis=1))


def pool(views: Sequence[Scores], weights: NDArray[np.float64]) -> Scores:
    """Return the weighted sum of the views' scores."""
    return np.asarray(sum(w * scores for w, scores in zip(weights, views, strict=True)))
