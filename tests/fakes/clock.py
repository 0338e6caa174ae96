"""A clock that moves only when it is read."""


class FakeClock:
    """Tells a time that is `step` seconds later at every reading."""

    def __init__(self, step: float = 0.5) -> None:
        self._now = 0.0
        self._step = step

    def monotonic(self) -> float:
        self._now += self._step
        return self._now
