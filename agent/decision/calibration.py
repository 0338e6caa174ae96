"""How sure a reply says it is: the decision's chance, corrected by how the turn ended.

The decision weighs the evidence before a word is generated. What came of it says more: a sentence
that was verified makes it likelier that the question could be answered, and the model's «I don't
know» makes it less likely. Each ending moves the chance by a constant in log-odds.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from agent.state import Reason

HERE = Path(__file__).parent
FILE = HERE / "calibration.json"
LEAST = 1e-4


@dataclass(frozen=True, slots=True)
class Calibration:
    """Shifts in log-odds, by the reason of the outcome; where there is none, nothing is moved."""

    shifts: Mapping[str, float]

    @classmethod
    def load(cls, path: Path = FILE) -> Self:
        """Read what `python -m evals.calibrating` wrote."""
        return cls(json.loads(path.read_text(encoding="utf-8"))["shifts"])

    def correct(self, confidence: float, reason: Reason) -> float:
        """Return the chance from 0 to 1 that the outcome is right."""
        return shift(confidence, self.shifts.get(reason.value, 0.0))


def shift(chance: float, by: float) -> float:
    """Return a chance moved by `by` in log-odds."""
    clipped = min(max(chance, LEAST), 1 - LEAST)
    return 1 / (1 + math.exp(-(math.log(clipped / (1 - clipped)) + by)))
