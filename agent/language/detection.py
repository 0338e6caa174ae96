"""Which language a customer writes in."""

from functools import cached_property
from typing import Protocol

from lingua import Language, LanguageDetectorBuilder
from lingua import LanguageDetector as Lingua

DEFAULT = "en"
SURE_ENOUGH = 0.55
SHORTEST = 12


class LanguageDetector(Protocol):
    """Tells languages apart."""

    def detect(self, text: str) -> str:
        """Return an ISO 639-1 code; English where the text is too short to tell."""


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
        if len(text) < SHORTEST:
            return DEFAULT
        best = self._lingua.compute_language_confidence_values(text)[0]
        if best.value < SURE_ENOUGH:
            return DEFAULT
        return best.language.iso_code_639_1.name.lower()
