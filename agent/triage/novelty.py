"""Whether a ticket belongs to none of the categories."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from agent.triage.views import Scores

NEAREST = 5
BLOCK = 256
THREADS = 2
Traits = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Nearest:
    """The labelled tickets nearest to each row, the nearest first: cosines and places."""

    cosines: NDArray[np.float32]
    places: NDArray[np.int64]


def find_nearest(rows: Any, known: Any, shut_out: NDArray[np.int64] | None) -> Nearest:  # noqa: ANN401 - sparse or dense
    """Compare rows with all known ones, both of length one.

    With `shut_out` (the rows are the known ones, this gives their groups), nothing is near to
    its own group.
    """
    count = min(NEAREST, known.shape[0])
    across = known.T

    def compare(start: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        block = slice(start, start + BLOCK)
        product = rows[block] @ across
        near = product.toarray() if issparse(product) else product
        if shut_out is not None:
            near[shut_out[block, None] == shut_out[None]] = -1.0
        best = np.argpartition(near, near.shape[1] - count, axis=1)[:, -count:]
        order = np.argsort(-np.take_along_axis(near, best, 1), axis=1, kind="stable")
        places = np.take_along_axis(best, order, 1)
        return np.take_along_axis(near, places, 1).astype(np.float32), places

    with ThreadPoolExecutor(THREADS) as pool:
        parts = list(pool.map(compare, range(0, max(rows.shape[0], 1), BLOCK)))
    return Nearest(*(np.concatenate(each) for each in zip(*parts, strict=True)))


def read_traits(chances: Scores, nearest: Nearest) -> Traits:
    """Return what speaks for a ticket's belonging: confidence, margin and nearness."""
    ordered = np.sort(chances, axis=1)[:, ::-1]
    best = np.clip(ordered[:, 0], 1e-6, 1 - 1e-6)
    second = ordered[:, 1] if ordered.shape[1] > 1 else 1 - best
    entropy = -(chances * np.log(chances + 1e-12)).sum(axis=1)
    return np.column_stack(
        [
            np.log(best / (1 - best)),
            np.log(best) - np.log(second + 1e-6),
            entropy,
            nearest.cosines[:, 0],
            nearest.cosines.mean(axis=1),
        ]
    )


@dataclass(frozen=True, slots=True)
class Novelty:
    """A logistic regression on the traits: how likely it is that a ticket belongs.

    `least` is the probability that 95 of 100 tickets that do belong are above.
    """

    weights: tuple[float, ...]
    bias: float
    least: float

    @classmethod
    def fit(cls, inside: Traits, outside: Traits) -> Self:
        """Learn from rows in scope, and from rows whose category was left out of training."""
        rows = np.vstack([inside, outside])
        belongs = np.repeat([1, 0], [len(inside), len(outside)])
        mean, spread = rows.mean(axis=0), rows.std(axis=0) + 1e-9
        fitted = LogisticRegression(C=1.0, class_weight="balanced", max_iter=500)
        fitted.fit((rows - mean) / spread, belongs)
        weights = fitted.coef_[0] / spread
        bias = float(fitted.intercept_[0] - weights @ mean)
        made = cls(tuple(map(float, weights)), bias, 0.0)
        return cls(made.weights, bias, float(np.quantile(made.judge(inside), 1 - KEPT)))

    def judge(self, traits: Traits) -> NDArray[np.float64]:
        """Return for each row how likely it is that it belongs."""
        return np.asarray(expit(traits @ np.asarray(self.weights) + self.bias))


KEPT = 0.95
# For histories of too few categories to leave any out: nearness decides. 0.35 is what MiniLM's
# vectors of unrelated short questions seldom reach.
BY_NEARNESS = Novelty((0.0, 0.0, 0.0, 6.0, 6.0), -4.2, 0.5)
