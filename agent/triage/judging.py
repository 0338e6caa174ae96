"""How sure the classifier is of each category of one label column."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from agent.triage.features import Features
from agent.triage.stacking import Stack
from agent.triage.views import Linear, Places, Scores, fit_logistic, fit_margin

# What ten tickets a category give on the banking suite: for histories too small to fit anything.
STACKS = (Stack((10.0,)), Stack((1.5, 1.2)), Stack((1.5, 0.5, 0.9)))
ALWAYS = 2.0
FEWEST = 20


@dataclass(frozen=True, slots=True)
class Views:
    """A linear classifier a view: words, and one for each embedder."""

    linears: tuple[Linear, ...]

    @classmethod
    def fit(cls, features: Features, classes: Places, count: int) -> Self:
        """Fit each view on rows whose class (a place below `count`) is known."""
        logistic = [fit_logistic(view, classes, count) for view in features.vectors]
        return cls((fit_margin(features.words, classes, count), *logistic))

    def score(self, features: Features) -> list[Scores]:
        """Return scores of shape [rows, classes] for each view that the features hold."""
        seen = features.list_views()
        return [linear.score(view) for linear, view in zip(self.linears, seen, strict=False)]


@dataclass(frozen=True, slots=True)
class Judge:
    """Probabilities for the categories of one label column.

    `stacks` has one for each depth. `escalate`: a judgement less sure than this is made again one
    depth deeper. `threshold`: what is less sure than this is not decided by the classifier.
    """

    label: str
    names: tuple[str, ...]
    views: Views
    stacks: tuple[Stack, ...]
    escalate: tuple[float, ...]
    threshold: float

    def judge(self, features: Features) -> Scores:
        """Return probabilities of shape [rows, categories], as deep as the features are."""
        return self.stacks[features.depth].judge(self.views.score(features))


def choose_escalation(rough: Scores, best: Scores, classes: Places, tolerance: float) -> float:
    """Return the least confidence at which a rough judgement may stand.

    Letting rough judgements stand costs at most `tolerance` of all rows' accuracy.
    """
    sure = rough.max(axis=1)
    gain = _hits(best, classes).astype(int) - _hits(rough, classes).astype(int)
    order = np.argsort(-sure, kind="stable")
    lost = np.maximum.accumulate(np.cumsum(gain[order]))
    standing = int(np.searchsorted(lost, tolerance * len(classes), side="right"))
    return float(np.nextafter(sure[order[standing]], ALWAYS)) if standing < len(order) else 0.0


def choose_threshold(chances: Scores, classes: Places, accuracy: float) -> float:
    """Return the least confidence from which on judgements are right in `accuracy` of cases.

    Where no threshold reaches it, the one that comes nearest.
    """
    sure = chances.max(axis=1)
    order = np.argsort(-sure, kind="stable")
    right = np.cumsum(_hits(chances, classes)[order]) / np.arange(1, len(order) + 1)
    steady = right[FEWEST - 1 :] if len(right) > FEWEST else right
    reached = np.flatnonzero(steady >= accuracy)
    place = int(reached[-1] if len(reached) else np.argmax(steady))
    return float(sure[order[place + len(right) - len(steady)]])


def _hits(chances: Scores, classes: Places) -> NDArray[np.bool_]:
    return np.asarray(chances.argmax(axis=1) == classes)
