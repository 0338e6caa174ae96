"""How a ticket sounds, learned from a page of examples of ours."""

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
from scipy.special import softmax

from agent.triage.encoding import Encoder, Vectors
from agent.triage.views import Linear, Places, fit_logistic

NEUTRAL = "neutral"
SURE = 0.5


@dataclass(frozen=True, slots=True)
class Sentiments:
    """A linear classifier on the quick vector: negative, neutral or positive.

    `texts` and `classes` (places in `names`) are what it was learned from.
    """

    names: tuple[str, ...]
    linear: Linear
    texts: tuple[str, ...]
    classes: Places

    @classmethod
    def learn(cls, encoder: Encoder) -> Self:
        """Learn from sentiments.toml."""
        path = Path(__file__).with_name("sentiments.toml")
        examples: dict[str, list[str]] = tomllib.loads(path.read_text(encoding="utf-8"))
        names = tuple(examples)
        texts = tuple(text for name in names for text in examples[name])
        classes = np.repeat(np.arange(len(names)), [len(examples[name]) for name in names])
        linear = fit_logistic(encoder.encode(texts), classes, len(names))
        return cls(names, linear, texts, classes)

    def place(self, vectors: Vectors) -> Places:
        """Return for each row the place of its name; neutral where none is likely."""
        chances = softmax(self.linear.score(vectors), axis=1)
        sure = chances.max(axis=1) >= SURE
        return np.where(sure, chances.argmax(axis=1), self.names.index(NEUTRAL))

    def judge(self, vectors: Vectors) -> list[str]:
        """Return a name for each row."""
        return [self.names[place] for place in self.place(vectors)]
