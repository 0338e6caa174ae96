"""Fit how sure replies say they are to how often they were right.

`python -m evals.calibrating RESULT.json` reads what `frontdesk eval answers --json` wrote, and
writes agent/decision/calibration.json. Each ending of a turn gets one shift in log-odds (Platt
scaling with the slope kept at one, as the decision's chances are calibrated already), drawn towards
none by a normal prior: endings that are rare hardly move.
"""

import json
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import minimize_scalar

from agent.decision.calibration import FILE, Calibration, shift
from agent.state import Reason
from evals.comparison import read_result
from evals.measures import measure_calibration

# Of the prior, in log-odds.
DEVIATION = 1.0
FURTHEST = 4.0
FOLDS = 5
Case = tuple[str, float, bool]


def fit(cases: Iterable[Case], before: Calibration) -> Calibration:
    """Return the shifts that fit (reason, stated confidence, whether right) on top of `before`."""
    by_reason: defaultdict[str, list[tuple[float, bool]]] = defaultdict(list)
    for reason, confidence, right in cases:
        raw = shift(confidence, -before.shifts.get(reason, 0.0))
        by_reason[reason].append((raw, right))
    return Calibration({reason: _fit_one(own) for reason, own in sorted(by_reason.items())})


def _fit_one(own: Sequence[tuple[float, bool]]) -> float:
    chances, right = (np.array(column, float) for column in zip(*own, strict=True))

    def lose(by: float) -> float:
        moved = np.array([shift(chance, by) for chance in chances])
        likelihood = right * np.log(moved) + (1 - right) * np.log(1 - moved)
        return float(-likelihood.sum() + (by / DEVIATION) ** 2 / 2)

    return round(float(minimize_scalar(lose, bounds=(-FURTHEST, FURTHEST), method="bounded").x), 3)


def validate(cases: Sequence[Case], before: Calibration) -> float | None:
    """Return the expected calibration error on cases that the shifts were not fitted to."""
    stated, right = [], []
    for fold in range(FOLDS):
        fitted = fit([c for i, c in enumerate(cases) if i % FOLDS != fold], before)
        for reason, confidence, ok in cases[fold::FOLDS]:
            raw = shift(confidence, -before.shifts.get(reason, 0.0))
            stated.append(fitted.correct(raw, Reason(reason)))
            right.append(ok)
    error: float | None = measure_calibration(stated, right)["ece"]
    return error


def read_cases(result: Mapping[str, Any]) -> list[Case]:
    """Return the cases of a result of `eval answers` that did not fail."""
    done = (case for case in result["cases"] if "error" not in case)
    return [(c["reason"], c["confidence"], bool(c["values"]["correct"])) for c in done]


def main(path: Path) -> None:
    """Fit on a result and write the shifts with what they were fitted on."""
    result, before = read_result(path), Calibration.load()
    cases = read_cases(result)
    shifts = dict(fit(cases, before).shifts)
    print(f"ECE in cross-validation: {validate(cases, before)}; shifts: {shifts}")  # noqa: T201 - its only output
    saved = {"shifts": shifts, "suite_sha256": result.get("suite_sha256"), "n": len(cases)}
    FILE.write_text(json.dumps(saved, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
