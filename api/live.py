"""What is live: happenings as they come, and who is typing."""

import asyncio
import math
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from typing import Literal

from anyio import move_on_after, to_thread

from api.storage.happenings import Happening, Happenings

POLL_S = 1.0
TYPING_S = 5.0


@dataclass(frozen=True, slots=True)
class Typing:
    """Somebody is writing; it holds for five seconds, and is kept nowhere."""

    conversation_id: str
    who: Literal["customer", "person"]
    name: str | None
    number: int
    until: float


class Live:
    """Follows happenings through the database, so that every process's are seen.

    Those of this process are seen at once, other processes' within a second. Typing is known
    in this process only.
    """

    def __init__(self, happenings: Happenings, monotonic: Callable[[], float]) -> None:
        self._happenings = happenings
        self._monotonic = monotonic
        self._changed = asyncio.Event()
        self._typing: dict[tuple[str, str], Typing] = {}
        self._number = 0
        self._closed = False
        self._listeners: list[Callable[[], None]] = []

    def wake(self) -> None:
        """Say that something has happened."""
        self._changed.set()
        self._changed = asyncio.Event()
        for listener in self._listeners:
            listener()

    def listen(self, listener: Callable[[], None]) -> None:
        """Have something called whenever something has happened; it must not block."""
        self._listeners.append(listener)

    def type(
        self, conversation_id: str, who: Literal["customer", "person"], name: str | None = None
    ) -> None:
        """Say that somebody is writing."""
        self._number += 1
        until = self._monotonic() + TYPING_S
        typing = Typing(conversation_id, who, name, self._number, until)
        recent = {k: t for k, t in self._typing.items() if t.until > self._monotonic()}
        self._typing = {**recent, (conversation_id, who): typing}
        self.wake()

    def close(self) -> None:
        """End all that follow."""
        self._closed = True
        self.wake()

    async def follow(
        self, conversation_id: str | None, after: int, beat_s: float | None = None
    ) -> AsyncGenerator[Happening | Typing | None]:
        """Yield what happens after the happening `after`, in one conversation or in all.

        With `beat_s`, it yields None at the start and every so many seconds.
        """
        typed, beaten = self._number, -math.inf
        while not self._closed:
            changed = self._changed
            if beat_s is not None and self._monotonic() - beaten >= beat_s:
                yield None
                beaten = self._monotonic()
            found = await to_thread.run_sync(self._happenings.since, conversation_id, after)
            for happening in found:
                yield happening
                after = happening.id
            for typing in self._list_typing(conversation_id, typed):
                yield typing
                typed = max(typed, typing.number)
            if not found:
                with move_on_after(POLL_S):
                    await changed.wait()

    def _list_typing(self, conversation_id: str | None, after: int) -> list[Typing]:
        now = self._monotonic()
        return [
            typing
            for typing in self._typing.values()
            if typing.number > after
            and typing.until > now
            and conversation_id in {None, typing.conversation_id}
        ]
