"""What of a model's raw output may be shown, and when."""

from collections.abc import Sequence

OPEN_THOUGHT = "<think>"
CLOSE_THOUGHT = "</think>"


class Emission:
    """Turns raw pieces into text to show.

    Text ends before the first stop string. Whatever stands between `<think>` and `</think>` is
    left out, with the white space after it. Text that may turn out to begin a marker is held back.
    """

    def __init__(self, stops: Sequence[str] = ()) -> None:
        self._stops = tuple(stop for stop in stops if stop)
        self._held = ""
        self._thinking = False
        self._after_thought = False
        self.stopped = False

    def push(self, piece: str) -> str:
        """Take the next raw piece and return what can be shown by now."""
        self._held += piece
        shown = ""
        while not self.stopped and (found := self._find_marker()):
            shown += self._pass_marker(*found)
        return shown + self._release(self._count_held())

    def finish(self) -> str:
        """Return what was held back, now that nothing follows."""
        return self._release(0)

    def _markers(self) -> tuple[str, ...]:
        return (CLOSE_THOUGHT,) if self._thinking else (OPEN_THOUGHT, *self._stops)

    def _find_marker(self) -> tuple[int, str] | None:
        places = [(self._held.find(marker), marker) for marker in self._markers()]
        return min((place for place in places if place[0] >= 0), default=None)

    def _pass_marker(self, at: int, marker: str) -> str:
        before, self._held = self._held[:at], self._held[at + len(marker) :]
        shown = "" if self._thinking else self._trim(before)
        if marker in (OPEN_THOUGHT, CLOSE_THOUGHT) and marker not in self._stops:
            self._thinking = marker == OPEN_THOUGHT
            self._after_thought = self._after_thought or not self._thinking
        else:
            self.stopped, self._held = True, ""
        return shown

    def _count_held(self) -> int:
        longest = max(len(marker) for marker in self._markers())
        for count in range(min(longest - 1, len(self._held)), 0, -1):
            if any(marker.startswith(self._held[-count:]) for marker in self._markers()):
                return count
        return 0

    def _release(self, keep: int) -> str:
        cut = len(self._held) - keep
        text, self._held = self._held[:cut], self._held[cut:]
        return "" if self._thinking or self.stopped else self._trim(text)

    def _trim(self, text: str) -> str:
        if not self._after_thought:
            return text
        trimmed = text.lstrip()
        self._after_thought = not trimmed
        return trimmed
