import numpy as np
import pytest

from agent.triage.judging import choose_escalation, choose_threshold
from agent.triage.measures import (
    Guesses,
    draw_curve,
    find_calibration_error,
    find_interval,
    list_confusions,
    measure,
)
from agent.triage.stacking import Stack

SURE = np.array([[0.9, 0.1], [0.8, 0.2], [0.4, 0.6], [0.45, 0.55]])
TRUTHS = np.array([0, 0, 1, 0])


def test_accuracy_is_measured_on_all_and_on_the_surest() -> None:
    measured = measure(Guesses.read(SURE, TRUTHS))
    assert (measured["n"], measured["accuracy"]) == (4, 0.75)
    assert measured["accuracy_at_coverage"]["0.8"] == 1.0
    # Class 0: precision 1, recall 2/3; class 1: precision 1/2, recall 1.
    assert measured["macro_f1"] == pytest.approx((0.8 + 2 / 3) / 2)


def test_the_interval_is_wilsons() -> None:
    assert find_interval(90, 100) == pytest.approx((0.8256, 0.9448), abs=1e-3)


def test_calibration_is_the_gap_between_confidence_and_accuracy() -> None:
    guesses = Guesses.read(np.array([[0.75, 0.25]] * 4), TRUTHS)
    assert find_calibration_error(guesses) == pytest.approx(0.0)
    assert find_calibration_error(Guesses.read(SURE[:2], TRUTHS[:2])) == pytest.approx(0.15)


def test_the_curve_ends_with_all_rows() -> None:
    assert draw_curve(Guesses.read(SURE, TRUTHS))[0] == (1.0, 0.75, 0.55)


def test_confusions_name_the_pair() -> None:
    (pair,) = list_confusions(Guesses.read(SURE, TRUTHS), ["refund", "damage"])
    assert pair == {"true": "refund", "taken_for": "damage", "rows": 1}


def test_a_category_that_was_not_trained_is_never_right() -> None:
    assert measure(Guesses.read(SURE, np.full(4, -1)))["accuracy"] == 0.0


def test_rough_judgements_stand_where_a_closer_look_changes_nothing() -> None:
    best = np.array([[0.9, 0.1], [0.8, 0.2], [0.4, 0.6], [0.9, 0.1]])
    least = choose_escalation(SURE, best, TRUTHS, tolerance=0.0)
    standing = SURE.max(axis=1) >= least
    assert standing.tolist()[:2] == [True, True]
    assert not standing[3]
    assert choose_escalation(SURE, SURE, TRUTHS, tolerance=0.0) == 0.0


def test_the_threshold_reaches_the_accuracy_or_comes_as_near_as_it_can() -> None:
    chances = np.column_stack([np.linspace(0.99, 0.5, 100), np.linspace(0.01, 0.5, 100)])
    truths = np.repeat([0, 1], [80, 20])
    assert (chances.max(axis=1) >= choose_threshold(chances, truths, 0.8)).sum() == 100
    assert (chances.max(axis=1) >= choose_threshold(chances, truths, 1.0)).sum() == 80
    assert (chances.max(axis=1) >= choose_threshold(chances, 1 - truths, 0.9)).sum() == 100


def test_a_stack_trusts_the_view_that_is_right() -> None:
    rng = np.random.default_rng(0)
    truths = rng.integers(0, 2, 300)
    good = np.eye(2)[truths] * 3 + rng.normal(size=(300, 2))
    noise = rng.normal(size=(300, 2))
    stack = Stack.fit([good, noise], truths)
    assert stack.weights[0] > 3 * stack.weights[1]
    judged = stack.judge([good, noise])
    assert judged.sum(axis=1) == pytest.approx(1)
    assert find_calibration_error(Guesses.read(judged, truths)) < 0.1
