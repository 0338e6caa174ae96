"""What triage says of a ticket."""

from dataclasses import dataclass
from enum import StrEnum


class Stage(StrEnum):
    """Who decided."""

    DUPLICATE = "duplicate"
    WORDS = "words"
    QUICK = "quick"
    THOROUGH = "thorough"
    MODEL = "model"
    PERSON = "person"


class Sense(StrEnum):
    """Why a person is needed."""

    UNSURE = "unsure"
    OUT_OF_SCOPE = "out_of_scope"
    LANGUAGE = "language"


@dataclass(frozen=True, slots=True)
class Decision:
    """A label's value, empty where a person has to choose; the best guess and its probability."""

    value: str
    guess: str
    confidence: float


@dataclass(frozen=True, slots=True)
class Triage:
    """All that was found out about a ticket. `needs_person` says why, or is empty."""

    decisions: dict[str, Decision]
    stage: Stage
    why: str
    belongs: float
    needs_person: str
    candidates: dict[str, tuple[tuple[str, float], ...]]
    language: str = ""
    sentiment: str = ""
