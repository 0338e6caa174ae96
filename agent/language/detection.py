"""Which language a customer writes in."""

from collections.abc import Sequence
from functools import cached_property
from typing import Protocol

from lingua import ConfidenceValue, Language, LanguageDetectorBuilder
from lingua import LanguageDetector as Lingua

DEFAULT = "en"
SURE_ENOUGH = 0.55
SHORTEST = 12


class LanguageDetector(Protocol):
    """Tells languages apart."""

    def detect(self, text: str) -> str:
        """Return an ISO 639-1 code; English where the text is too short to tell."""

    def detect_all(self, texts: Sequence[str]) -> list[str]:
        """Return a code for each text."""


class LinguaDetector:
    """Detects with lingua, whose models are in its package; they load at the first use."""

    LANGUAGES = (
        Language.ENGLISH,
        Language.GERMAN,
        Language.SPANISH,
        Language.FRENCH,
        Language.ITALIAN,
        Language.PORTUGUESE,
        Language.DUTCH,
    )

    @cached_property
    def _lingua(self) -> Lingua:
        builder = LanguageDetectorBuilder.from_languages(*self.LANGUAGES)
        # The low accuracy mode takes «where do i find the code» for German.
        return builder.build()

    def detect(self, text: str) -> str:
        """Return an ISO 639-1 code; English where the text is too short to tell."""
        return self.detect_all([text])[0]

    def detect_all(self, texts: Sequence[str]) -> list[str]:
        """Return a code for each text, computed on all cores."""
        telling = [text for text in texts if len(text) >= SHORTEST]
        if not telling:
            return [DEFAULT] * len(texts)
        judged = iter(self._lingua.compute_language_confidence_values_in_parallel(telling))
        return [DEFAULT if len(text) < SHORTEST else _choose(next(judged)) for text in texts]


def _choose(values: Sequence[ConfidenceValue]) -> str:
    if values[0].value < SURE_ENOUGH:
        return DEFAULT
    return values[0].language.iso_code_639_1.name.lower()
