"""Phrases that a reply says or does not say, however it writes quotes, dashes and spaces.

A phrase is a plain string or, where it begins with `re:`, a regular expression. Both are looked
for in the normalised text, without regard to case; `normalise` says what that is.
"""

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache

PATTERN = "re:"
# Single quotes, double quotes and dashes as books print them, and as keyboards type them.
_SINGLE = "\u2018\u2019\u201a\u2032\u2039\u203a"
_DOUBLE = "\u201c\u201d\u201e\u00ab\u00bb"
_DASHES = "\u2010\u2011\u2012\u2013\u2014\u2212"
_PLAIN = str.maketrans(
    _SINGLE + _DOUBLE + _DASHES,
    "'" * len(_SINGLE) + '"' * len(_DOUBLE) + "-" * len(_DASHES),
    "*`",
)


def find_said(text: str, phrases: Sequence[str]) -> list[str]:
    """Return those of the phrases that the text says."""
    plain = normalise(text)
    return [phrase for phrase in phrases if compile_phrase(phrase).search(plain)]


@lru_cache(maxsize=2048)
def compile_phrase(phrase: str) -> re.Pattern[str]:
    """Return what finds the phrase in normalised text; raises re.error."""
    if phrase.startswith(PATTERN):
        return re.compile(phrase.removeprefix(PATTERN), re.IGNORECASE)
    return re.compile(re.escape(normalise(phrase)), re.IGNORECASE)


def normalise(text: str) -> str:
    """Return the text with plain quotes, dashes and single spaces, without emphasis.

    Letters that cannot be seen are left out: what looks the same to a reader has to be found in
    the same way.
    """
    seen = "".join(letter for letter in text if unicodedata.category(letter) != "Cf")
    return " ".join(unicodedata.normalize("NFKC", seen).translate(_PLAIN).split())
