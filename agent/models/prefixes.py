"""States of prompts that were evaluated before, kept within a budget of memory."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Tokens = NDArray[np.int32]
Prompt = Sequence[int] | Tokens
Logits = NDArray[np.float32]
State = NDArray[np.uint8]
NO_LOGITS: Logits = np.empty(0, np.float32)


@dataclass(frozen=True, slots=True)
class Text:
    """What was written after a prompt when the likeliest token was always taken.

    It is all there is to say if it `ended`, else its beginning.
    """

    tokens: tuple[int, ...]
    ended: bool

    def reaches(self, most: int) -> bool:
        """Whether it tells the first `most` tokens, or all there are."""
        return self.ended or len(self.tokens) >= most


@dataclass(slots=True)
class Kept:
    """A prompt's tokens, the state after them, the logits and the text of what follows.

    There are no logits where only what other prompts begin with is kept.
    """

    audience: str
    tokens: Tokens
    state: State
    logits: Logits
    text: Text = Text((), ended=False)
    hits: int = 1
    worth: float = field(default=0.0)

    @property
    def size(self) -> int:
        """How many bytes it takes."""
        return self.state.nbytes + self.tokens.nbytes + self.logits.nbytes


@dataclass(frozen=True, slots=True)
class Found:
    """A kept prompt, and how many tokens at its beginning are the ones looked for."""

    kept: Kept
    shared: int

    @property
    def whole(self) -> bool:
        """Whether the kept prompt is all of it shared."""
        return self.shared == len(self.kept.tokens)


class Prefixes:
    """Keeps prompts, and lets those go whose computation is saved least often for their size.

    Greedy-Dual-Size-Frequency (Cherkasova, 1998): a prompt is worth its hits times the tokens
    that it saves for each byte, on top of the worth of what was let go last, so that old fame
    fades. Nothing that was kept for one audience is found for another.
    """

    def __init__(self, budget: int) -> None:
        self._budget = budget
        self._kept: dict[tuple[str, bytes], Kept] = {}
        self._faded = 0.0
        self.size = 0

    def __len__(self) -> int:
        """How many prompts are kept."""
        return len(self._kept)

    def look_up(self, audience: str, tokens: Prompt) -> Kept | None:
        """Return a prompt that is kept as a whole, with what may follow."""
        kept = self._kept.get(_name(audience, np.asarray(tokens, np.int32)))
        return kept if kept and kept.logits.size else None

    def count_hit(self, kept: Kept) -> None:
        """Note that a kept prompt was of use."""
        kept.hits += 1
        kept.worth = self._appraise(kept)

    def note(self, audience: str, tokens: Prompt, text: Text) -> None:
        """Add what was written after a prompt, if that is kept still and less of it was known."""
        kept = self.look_up(audience, tokens)
        if kept and not kept.text.ended and len(text.tokens) > len(kept.text.tokens):
            kept.text = text

    def find(self, audience: str, tokens: Prompt) -> Found | None:
        """Return the kept prompt that shares most of the beginning of `tokens`."""
        wanted = np.asarray(tokens, np.int32)
        candidates = (kept for kept in self._kept.values() if kept.audience == audience)
        found = max(
            (Found(kept, count_shared(kept.tokens, wanted)) for kept in candidates),
            key=lambda each: (each.shared, each.whole),
            default=None,
        )
        if found is None or not found.shared:
            return None
        self.count_hit(found.kept)
        return found

    def keep(self, new: Kept) -> None:
        """Keep a prompt; those that are its beginning, and what is worth least, are let go."""
        for kept in [kept for kept in self._kept.values() if _covers(new, kept)]:
            new.hits += kept.hits
            self._drop(kept)
        if new.size > self._budget:
            return
        while self.size + new.size > self._budget:
            least = min(self._kept.values(), key=lambda kept: kept.worth)
            self._faded = least.worth
            self._drop(least)
        new.worth = self._appraise(new)
        self._kept[_name(new.audience, new.tokens)] = new
        self.size += new.size

    def forget(self, kept: Kept) -> None:
        """Let a prompt go whose state turned out to be of no use."""
        if self._kept.get(_name(kept.audience, kept.tokens)) is kept:
            self._drop(kept)

    def _appraise(self, kept: Kept) -> float:
        return self._faded + kept.hits * len(kept.tokens) / kept.size

    def _drop(self, kept: Kept) -> None:
        del self._kept[_name(kept.audience, kept.tokens)]
        self.size -= kept.size


def _name(audience: str, tokens: Tokens) -> tuple[str, bytes]:
    return audience, tokens.tobytes()


def count_shared(left: Tokens, right: Tokens) -> int:
    """Return how many leading tokens both have."""
    length = min(len(left), len(right))
    differ = np.flatnonzero(left[:length] != right[:length])
    return int(differ[0]) if len(differ) else length


def _covers(longer: Kept, kept: Kept) -> bool:
    if longer.audience != kept.audience or len(kept.tokens) > len(longer.tokens):
        return False
    return count_shared(longer.tokens, kept.tokens) == len(kept.tokens)
