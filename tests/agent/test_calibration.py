import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.decision.calibration import Calibration, shift
from agent.state import Reason

chances = st.floats(0, 1)
shifts = st.floats(-4, 4)


@given(chances, shifts)
def test_a_shifted_chance_is_a_chance(chance: float, by: float) -> None:
    assert 0 < shift(chance, by) < 1


@given(st.floats(0.01, 0.99), shifts)
def test_shifting_back_undoes_it(chance: float, by: float) -> None:
    moved = shift(chance, by)
    if 0.001 < moved < 0.999:
        assert shift(moved, -by) == pytest.approx(chance)


def test_only_the_reasons_that_are_named_are_moved() -> None:
    calibration = Calibration({"supported": 1.0})
    assert calibration.correct(0.5, Reason.SUPPORTED) == pytest.approx(0.7311, abs=1e-4)
    assert calibration.correct(0.5, Reason.VAGUE) == pytest.approx(0.5)


def test_what_is_shipped_can_be_read() -> None:
    assert set(Calibration.load().shifts) <= {reason.value for reason in Reason}
