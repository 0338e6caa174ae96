import io
from functools import partial
from pathlib import Path

import pytest

from installation.checkout import Checkout
from installation.errors import InstallationError
from installation.progress import Progress
from installation.steps import Step, carry_out


class Work:
    """Steps that write down that they were done, and fail where told to."""

    def __init__(self, checkout: Checkout) -> None:
        self._checkout = checkout
        self.done: list[str] = []
        self.said = io.StringIO()
        self.failing = ""

    def run(self, *, key: str = "1") -> None:
        names = ("python", "torch", "runtime")
        steps = [Step(name, key, f"making {name}", partial(self._act, name)) for name in names]
        carry_out(self._checkout, steps, Progress(self.said))

    def _act(self, name: str) -> None:
        if name == self.failing:
            raise InstallationError(name)
        self._checkout.venv.mkdir(exist_ok=True)
        self.done.append(name)


@pytest.fixture
def work(tmp_path: Path) -> Work:
    return Work(Checkout(tmp_path, tmp_path / "cache"))


def test_all_steps_are_done_in_order(work: Work) -> None:
    work.run()
    assert work.done == ["python", "torch", "runtime"]
    assert "[2/3] making torch\n" in work.said.getvalue()


def test_a_second_run_does_and_says_nothing(work: Work) -> None:
    work.run()
    work.done.clear()
    work.said.truncate(0)
    work.run()
    assert work.done == []
    assert work.said.getvalue() == ""


def test_after_a_failure_the_next_run_goes_on_there(work: Work) -> None:
    work.failing = "torch"
    with pytest.raises(InstallationError, match="torch"):
        work.run()
    work.failing = ""
    work.run()
    assert work.done == ["python", "torch", "runtime"]


def test_a_step_is_repeated_when_what_it_was_made_from_changes(work: Work) -> None:
    work.run()
    work.run(key="2")
    assert work.done == ["python", "torch", "runtime"] * 2
