"""Two results of the same cases, side by side."""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import bootstrap

from evals.errors import ResultError
from evals.measures import COSTS, LOWER_IS_BETTER

RESAMPLES = 5_000
SEED = 20261123
LEVEL = 0.95
Result = Mapping[str, Any]
HEAD = ("kind", "suite", "suite_sha256", "provenance", "n")


def read_result(path: Path) -> dict[str, Any]:
    """Read what `--json` wrote; raises ResultError."""
    try:
        result = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ResultError(f"{path} cannot be read as a result: {error}.") from error
    if not isinstance(result, dict) or not isinstance(result.get("cases"), list):
        raise ResultError(f"{path} is no result: `frontdesk eval … --json FILE` writes one.")
    return result


def compare(a: Result, b: Result) -> dict[str, Any]:
    """Return each value's means, their difference (B minus A) with an interval, and its cases.

    The interval is a paired percentile bootstrap (Efron, 1979) over the cases that both hold.
    """
    if a.get("kind") != b.get("kind"):
        raise ResultError(f"A is of kind {a.get('kind')!r}, B of {b.get('kind')!r}.")
    pairs = _pair(a["cases"], b["cases"])
    if not pairs:
        raise ResultError("The two results have no case in common.")
    names = dict.fromkeys(name for _, one, other in pairs for name in one if name in other)
    changes = [change for pair in pairs for change in _list_changes(*pair)]
    return {
        "kind": "compare",
        "of": a.get("kind"),
        "a": {key: a.get(key) for key in HEAD},
        "b": {key: b.get(key) for key in HEAD},
        "n": len(pairs),
        "same_suite": a.get("suite_sha256") == b.get("suite_sha256"),
        "values": {name: _compare(name, pairs) for name in names},
        "better": [change for change in changes if change["better"]],
        "worse": [change for change in changes if not change["better"]],
    }


Pair = tuple[str, Mapping[str, float], Mapping[str, float]]


def _pair(a: Iterable[Result], b: Iterable[Result]) -> list[Pair]:
    other = {str(case["id"]): case["values"] for case in b}
    return [(str(c["id"]), c["values"], other[str(c["id"])]) for c in a if str(c["id"]) in other]


def _compare(name: str, pairs: Sequence[Pair]) -> dict[str, Any]:
    both = [(one[name], other[name]) for _, one, other in pairs if name in one and name in other]
    before, after = np.array(both, dtype=float).T
    return {
        "a": round(float(before.mean()), 4),
        "b": round(float(after.mean()), 4),
        "difference": round(float((after - before).mean()), 4),
        "interval": _estimate(before, after),
        "n": len(both),
    }


def _estimate(before: Any, after: Any) -> list[float]:  # noqa: ANN401 - numpy arrays
    gains = after - before
    if len(gains) == 1 or np.all(gains == gains[0]):
        return [round(float(gains[0]), 4)] * 2
    drawn = bootstrap(
        (before, after),
        lambda one, other, axis=-1: np.mean(other - one, axis=axis),
        paired=True,
        vectorized=True,
        n_resamples=RESAMPLES,
        confidence_level=LEVEL,
        method="percentile",
        rng=np.random.default_rng(SEED),
    )
    interval = drawn.confidence_interval
    return [round(float(interval.low), 4), round(float(interval.high), 4)]


def _list_changes(
    case: str, one: Mapping[str, float], other: Mapping[str, float]
) -> Iterable[dict[str, Any]]:
    """Yield what became better or worse; what merely takes longer is neither."""
    for name in one:
        if name in other and name not in COSTS and one[name] != other[name]:
            better = (other[name] > one[name]) != (name in LOWER_IS_BETTER)
            yield {"id": case, "value": name, "a": one[name], "b": other[name], "better": better}
