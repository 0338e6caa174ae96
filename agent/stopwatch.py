"""When a turn's events came by."""

from agent.events import Event, SentenceVerified, Sources
from agent.ports import Clock
from agent.state import Timings


class Stopwatch:
    """Runs from the moment it is made."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._start = clock.monotonic()
        self._source: float | None = None
        self._sentence: float | None = None

    def note(self, event: Event) -> None:
        """Remember when the first sources and the first sentence came."""
        passed = self._clock.monotonic() - self._start
        if isinstance(event, Sources) and self._source is None:
            self._source = passed
        if isinstance(event, SentenceVerified) and self._sentence is None:
            self._sentence = passed

    def read(self) -> Timings:
        """Return the seconds until each, and until now."""
        return Timings(
            first_source_s=_round(self._source),
            first_sentence_s=_round(self._sentence),
            total_s=round(self._clock.monotonic() - self._start, 3),
        )


def _round(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 3)
