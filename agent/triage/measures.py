"""How good probabilities over categories are."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import confusion_matrix, f1_score

from agent.triage.views import Places, Scores

BINS = 15
COVERAGES = (1.0, 0.95, 0.9, 0.8, 0.7, 0.6, 0.5)
CONFUSIONS = 20
Z = 1.96


@dataclass(frozen=True, slots=True)
class Guesses:
    """The likeliest category of each row, its probability, and the true one.

    `truths` is -1 where the true category is none that was trained.
    """

    places: Places
    confidences: NDArray[np.float64]
    truths: Places

    @classmethod
    def read(cls, chances: Scores, truths: Places) -> "Guesses":
        """Take the likeliest category of each row of probabilities."""
        return cls(chances.argmax(axis=1), chances.max(axis=1), truths)

    @property
    def hits(self) -> NDArray[np.bool_]:
        """Which rows are right."""
        return np.asarray(self.places == self.truths)


def measure(guesses: Guesses) -> dict[str, Any]:
    """Return accuracy with its 95 % interval, macro-F1, calibration and coverage."""
    hits = guesses.hits
    return {
        "n": len(hits),
        "accuracy": float(hits.mean()),
        "accuracy_interval": list(find_interval(int(hits.sum()), len(hits))),
        "macro_f1": float(f1_score(guesses.truths, guesses.places, average="macro")),
        "accuracy_at_coverage": {
            f"{share:g}": accuracy for share, accuracy, _ in draw_curve(guesses)
        },
        "ece": find_calibration_error(guesses),
    }


def find_interval(hits: int, rows: int) -> tuple[float, float]:
    """Return Wilson's 95 % interval of a proportion (Wilson, 1927)."""
    share = hits / rows
    centre = share + Z**2 / (2 * rows)
    reach = Z * np.sqrt(share * (1 - share) / rows + Z**2 / (4 * rows**2))
    scale = 1 + Z**2 / rows
    return float((centre - reach) / scale), float((centre + reach) / scale)


def draw_curve(guesses: Guesses) -> list[tuple[float, float, float]]:
    """Return, for shares of the rows: share, accuracy on the surest, least confidence there."""
    order = np.argsort(-guesses.confidences, kind="stable")
    hits, sure = guesses.hits[order], guesses.confidences[order]
    curve = []
    for share in COVERAGES:
        rows = max(1, round(share * len(hits)))
        curve.append((share, float(hits[:rows].mean()), float(sure[rows - 1])))
    return curve


def draw_reliability(guesses: Guesses) -> list[dict[str, float]]:
    """Return, for each bin of confidence that holds rows: rows, mean confidence, accuracy."""
    bins = np.minimum((guesses.confidences * BINS).astype(int), BINS - 1)
    return [
        {
            "rows": int(rows.sum()),
            "confidence": float(guesses.confidences[rows].mean()),
            "accuracy": float(guesses.hits[rows].mean()),
        }
        for rows in (bins == place for place in range(BINS))
        if rows.any()
    ]


def find_calibration_error(guesses: Guesses) -> float:
    """Return the expected calibration error over 15 bins (Guo et al., 2017)."""
    curve = draw_reliability(guesses)
    gaps = [each["rows"] * abs(each["confidence"] - each["accuracy"]) for each in curve]
    return float(sum(gaps) / len(guesses.hits))


def list_confusions(guesses: Guesses, names: Sequence[str]) -> list[dict[str, Any]]:
    """Return the pairs of categories most often taken for each other, the worst first."""
    table = confusion_matrix(guesses.truths, guesses.places, labels=range(len(names)))
    np.fill_diagonal(table, 0)
    worst = np.argsort(-table, axis=None, kind="stable")[:CONFUSIONS]
    pairs = [np.unravel_index(place, table.shape) for place in worst]
    return [
        {"true": names[t], "taken_for": names[p], "rows": int(table[t, p])}
        for t, p in pairs
        if table[t, p]
    ]
