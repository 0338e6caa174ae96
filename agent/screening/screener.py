"""What a message is before it is a question: a wish for a person, anger, danger, a demand."""

import json
import tomllib
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from agent.state import Reason

HERE = Path(__file__).parent
NONE = "none"
REASONS = {
    "wants_person": Reason.ASKED_FOR_PERSON,
    "upset": Reason.UPSET,
    "unsafe": Reason.UNSAFE,
    "out_of_policy": Reason.OUT_OF_POLICY,
}


@dataclass(frozen=True, slots=True)
class Screening:
    """Why a message goes straight to a person, None if it does not, and how sure that is."""

    reason: Reason | None
    confidence: float


@dataclass(frozen=True, slots=True)
class Screener:
    """A linear classifier on the embedding of the message, and a list of certain phrases.

    `weights` is [labels, dimensions], `bias` [labels]; `thresholds` are the probabilities
    from which a message is handed off, by label.
    """

    labels: tuple[str, ...]
    weights: NDArray[np.float64]
    bias: NDArray[np.float64]
    thresholds: tuple[float, ...]
    phrases: tuple[str, ...]
    not_after: tuple[str, ...]

    @classmethod
    def load(cls, path: Path = HERE / "screener.json") -> Self:
        """Read what `python -m agent.screening.training` wrote."""
        saved: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        wishes = tomllib.loads((HERE / "wishes.toml").read_text(encoding="utf-8"))
        return cls(
            labels=tuple(saved["labels"]),
            weights=np.asarray(saved["weights"]),
            bias=np.asarray(saved["bias"]),
            thresholds=tuple(saved["thresholds"]),
            phrases=tuple(wishes["phrases"]),
            not_after=tuple(wishes["not_after"]),
        )

    def screen(self, text: str, vector: NDArray[np.float32] | None) -> Screening:
        """Judge a message by its words and its embedding (shape [dimensions]).

        Without an embedding, only the phrases that are certain count.
        """
        if self._wishes_for_person(text):
            return Screening(Reason.ASKED_FOR_PERSON, 1.0)
        if vector is None:
            return Screening(None, 0.0)
        chances = _softmax(self.weights @ vector.astype(np.float64) + self.bias)
        best = int(np.argmax(chances))
        if self.labels[best] == NONE or chances[best] < self.thresholds[best]:
            return Screening(None, float(chances[self.labels.index(NONE)]))
        return Screening(REASONS[self.labels[best]], float(chances[best]))

    def _wishes_for_person(self, text: str) -> bool:
        plain = _fold(text)
        asked = any(phrase in plain for phrase in self.phrases)
        return asked and not any(_fold(word) in plain for word in self.not_after)


def _fold(text: str) -> str:
    plain = text.lower().replace("’", "'")
    if plain.isascii():
        return plain
    decomposed = unicodedata.normalize("NFKD", plain)
    return "".join(c for c in decomposed if not unicodedata.combining(c))


def _softmax(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    powers = np.exp(scores - scores.max())
    return np.asarray(powers / powers.sum())
