import json
import random

import pytest

from agent.decision.calibration import Calibration
from evals.calibrating import Case, fit, read_cases, validate
from evals.measures import measure_calibration

NONE = Calibration({})


def make_cases(reason: str, stated: float, right: float, count: int = 400) -> list[Case]:
    """Return cases that say `stated` and are right in a share of `right`."""
    rolls = random.Random(1)
    return [(reason, stated, rolls.random() < right) for _ in range(count)]


def test_what_was_too_modest_is_raised_and_what_was_too_sure_lowered() -> None:
    cases = make_cases("supported", 0.8, 0.95) + make_cases("no_evidence", 0.8, 0.5)
    fitted = fit(cases, NONE)
    assert fitted.shifts["supported"] > 1
    assert fitted.shifts["no_evidence"] < -1


def test_a_reason_that_is_rare_hardly_moves() -> None:
    few = fit(make_cases("vague", 0.5, 1.0, count=2), NONE).shifts["vague"]
    many = fit(make_cases("vague", 0.5, 1.0), NONE).shifts["vague"]
    assert 0 < few < 1 < many


def test_fitting_anew_on_what_was_corrected_comes_to_the_same() -> None:
    cases = make_cases("supported", 0.8, 0.95)
    first = fit(cases, NONE)
    corrected = [(reason, 0.8, right) for reason, _, right in cases]
    moved = first.shifts["supported"]
    stated = [(r, 1 / (1 + (0.2 / 0.8) * 2.718281828**-moved), ok) for r, _, ok in corrected]
    assert fit(stated, first).shifts["supported"] == pytest.approx(moved, abs=0.02)


def test_cross_validation_tells_a_smaller_error_than_before() -> None:
    cases = make_cases("supported", 0.75, 0.95) + make_cases("no_evidence", 0.65, 0.85)
    before = measure_calibration([c[1] for c in cases], [c[2] for c in cases])["ece"]
    after = validate(cases, NONE)
    assert after is not None
    assert after < before / 3


def test_cases_that_failed_are_left_out() -> None:
    result = {
        "cases": [
            {"reason": "supported", "confidence": 0.9, "values": {"correct": 1.0}},
            {"error": "the model stopped", "values": {}},
        ]
    }
    assert read_cases(json.loads(json.dumps(result))) == [("supported", 0.9, True)]
