"""Rows of a stream that may stand still: what is here need not wait for what comes."""

from collections import deque
from collections.abc import Iterator
from threading import Condition, Thread

from agent.triage.rows import Row

MOST_WAITING = 1_000


class Arrivals:
    """Rows that a thread of its own takes from a stream as soon as they are there.

    It can be left while the stream stands still: the thread ends with the process at the latest.
    """

    def __init__(self, rows: Iterator[Row], *, most: int = MOST_WAITING) -> None:
        self._rows = rows
        self._most = most
        self._here: deque[Row] = deque()
        self._changed = Condition()
        self._ended = False
        self._error: Exception | None = None
        Thread(target=self._take_all, name="arrivals", daemon=True).start()

    def __iter__(self) -> Iterator[Row]:
        """Return itself: rows come once."""
        return self

    def __next__(self) -> Row:
        """Wait for the next row; raises what reading the stream raised."""
        with self._changed:
            self._changed.wait_for(self._has_news)
            if not self._here:
                raise self._error or StopIteration
            self._changed.notify_all()
            return self._here.popleft()

    def is_near(self, seconds: float) -> bool:
        """Tell whether the next row, or the end, comes within so many seconds."""
        with self._changed:
            return self._changed.wait_for(self._has_news, seconds)

    def close(self) -> None:
        """Let nobody wait any longer."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def _has_news(self) -> bool:
        return bool(self._here) or self._ended

    def _has_place(self) -> bool:
        return len(self._here) < self._most or self._ended

    def _take_all(self) -> None:
        try:
            for row in self._rows:
                with self._changed:
                    self._changed.wait_for(self._has_place)
                    if self._ended:
                        return
                    self._here.append(row)
                    self._changed.notify_all()
        except Exception as error:  # noqa: BLE001 - it is raised where the rows are waited for
            self._error = error
        finally:
            self.close()
