"""What words alone tell of how a ticket sounds, where no embedder looks at it.

The embedder teaches it on the history: a student of its judgements (Hinton et al., 2015).
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from scipy.sparse import csr_matrix

import agent.decision
from agent.language.detection import LanguageDetector
from agent.screening.screener import NONE, Screener
from agent.triage.encoding import Vectors
from agent.triage.sentiment import Sentiments
from agent.triage.views import Linear, Scores, Words, fit_logistic

MESSAGES = Path(agent.decision.__file__).parent / "data" / "messages.jsonl"
# One ticket in twenty is looked at with the embedder although its category may be plain: beside the
# banking suite's tickets, words then miss 1.6 % of the messages that it would hand to a person.
QUIET = 0.95


@dataclass(frozen=True, slots=True)
class Teacher:
    """What judges a ticket's sound by its quick vector, and what tells its language."""

    screener: Screener
    sentiments: Sentiments
    languages: LanguageDetector


@dataclass(frozen=True, slots=True)
class Hearing:
    """Linear classifiers on words. `alarm` is the score from which the embedder has to look."""

    words: Words
    suspicion: Linear
    alarm: float
    sentiment: Linear
    names: tuple[str, ...]

    @classmethod
    def learn(cls, texts: Sequence[str], vectors: Vectors, teacher: Teacher) -> Self:
        """Learn from a history and its quick vectors, and from messages written for it."""
        messages, wrong = _read_messages()
        sounds = teacher.sentiments
        words = Words.fit([*messages, *sounds.texts, *texts])
        screen = teacher.screener.screen
        screened = [
            screen(text, vector).reason is not None
            for text, vector in zip(texts, vectors, strict=True)
        ]
        suspicion = _fit(words, [*messages, *texts], [*wrong, *screened], 2)
        taught = [*sounds.classes, *sounds.place(vectors)]
        names = sounds.names
        sentiment = _fit(words, [*sounds.texts, *texts], taught, len(names))
        ordinary = _suspect(suspicion, words.read([*texts] or messages))
        return cls(words, suspicion, float(np.quantile(ordinary, QUIET)), sentiment, names)

    def listen(self, texts: Sequence[str]) -> list[tuple[bool, str]]:
        """Return for each text whether the embedder has to look at it, and its sentiment."""
        seen = self.words.read(texts)
        suspected = _suspect(self.suspicion, seen) >= self.alarm
        sounds = self.sentiment.score(seen).argmax(axis=1)
        return [
            (bool(each), self.names[place]) for each, place in zip(suspected, sounds, strict=True)
        ]


def _fit(words: Words, texts: Sequence[str], classes: Sequence[int], count: int) -> Linear:
    return fit_logistic(words.read(texts), np.asarray(classes, np.int64), count)


def _suspect(linear: Linear, seen: csr_matrix) -> Scores:
    scores = linear.score(seen)
    return np.asarray(scores[:, 1] - scores[:, 0])


def _read_messages() -> tuple[list[str], list[bool]]:
    lines: Sequence[str] = MESSAGES.read_text(encoding="utf-8").splitlines()
    rows: list[dict[str, Any]] = [json.loads(line) for line in lines]
    return [row["text"] for row in rows], [row["label"] != NONE for row in rows]
