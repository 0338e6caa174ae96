"""What classifiers say of tickets that they were not trained on."""

import warnings
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from sklearn.model_selection import StratifiedGroupKFold

from agent.triage.features import Features
from agent.triage.judging import Views
from agent.triage.views import Places, Scores

FOLDS = 5
FEWEST = 20
SEED = 0


@dataclass(frozen=True, slots=True)
class Sample:
    """Rows with a known class. `groups` holds near duplicates together.

    Rows from `tickets` on are no tickets but descriptions of the classes: always trained on,
    never judged.
    """

    features: Features
    classes: Places
    groups: Places
    tickets: int
    count: int

    def take(self, kept: Places) -> "Sample":
        """Return some of the rows; descriptions stay at the end if `kept` is in order."""
        inside = int((kept < self.tickets).sum())
        features, classes = self.features.take(kept), self.classes[kept]
        return Sample(features, classes, self.groups[kept], inside, self.count)


@dataclass(frozen=True, slots=True)
class OutOfFold:
    """Scores of each view, [rows, classes], for the rows that could be judged."""

    rows: Places
    views: list[Scores]


def cross_fit(sample: Sample) -> OutOfFold | None:
    """Score each ticket with classifiers that saw neither it nor its near duplicates.

    Returns None where the tickets are too few.
    """
    counts = np.bincount(sample.classes[: sample.tickets], minlength=sample.count)
    if sample.tickets < FEWEST or counts.max() < 2:  # noqa: PLR2004 - one to train, one to judge
        return None
    views: list[Scores] = []
    for train, judged in _split(sample, min(FOLDS, int(counts.max()))):
        fitted = fit_views(sample, train)
        scores = fitted.score(sample.features.take(judged))
        if not views:
            views = [np.zeros((sample.tickets, sample.count)) for _ in scores]
        for whole, part in zip(views, scores, strict=True):
            whole[judged] = part
    rows = np.flatnonzero(counts[sample.classes[: sample.tickets]] > 1)
    return OutOfFold(rows, [view[rows] for view in views])


def fit_views(sample: Sample, rows: Places) -> Views:
    """Fit on some tickets and all descriptions of classes that these have."""
    said = np.arange(sample.tickets, len(sample.classes))
    train = np.concatenate([rows, said])
    return Views.fit(sample.features.take(train), sample.classes[train], sample.count)


def _split(sample: Sample, folds: int) -> Iterator[tuple[Places, Places]]:
    rows = np.arange(sample.tickets)
    folding = StratifiedGroupKFold(folds, shuffle=True, random_state=SEED)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The least populated class")
        yield from folding.split(rows, sample.classes[rows], sample.groups[rows])
