"""What each stage of triage costs."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import NamedTuple

HEARING, DRAFTS = "language and tone", "drafts"


class Cost(NamedTuple):
    """How many tickets a stage looked at, and the seconds that it took for all of them."""

    rows: int
    seconds: float


class Costs:
    """Counts what stages cost, until that is taken."""

    def __init__(self, now: Callable[[], float] = time.perf_counter) -> None:
        self._now = now
        self._spent: dict[str, Cost] = {}

    @contextmanager
    def count(self, stage: str, rows: int) -> Iterator[None]:
        """Count what is done inside as a stage's work on so many tickets."""
        begun = self._now()
        yield
        self.add({stage: Cost(rows, self._now() - begun)})

    def add(self, spent: Mapping[str, Cost]) -> None:
        """Count what was spent elsewhere."""
        self._spent = add_costs(self._spent, spent)

    def take(self) -> dict[str, Cost]:
        """Return what was spent since this was last asked."""
        spent, self._spent = self._spent, {}
        return spent


def add_costs(some: Mapping[str, Cost], more: Mapping[str, Cost]) -> dict[str, Cost]:
    """Return the sums by stage."""
    none = Cost(0, 0.0)
    names = {**some, **more}
    return {name: _add(some.get(name, none), more.get(name, none)) for name in names}


def _add(one: Cost, other: Cost) -> Cost:
    return Cost(one.rows + other.rows, one.seconds + other.seconds)
