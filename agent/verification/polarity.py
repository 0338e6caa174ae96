"""Whether two sentences say yes or no to the same things.

A simplification of negation scope in the manner of NegEx (Chapman et al., 2001): a negator
reaches over the next few content words, but never beyond its clause.
"""

import re
from collections.abc import Iterator
from functools import lru_cache

from agent.verification.words import Word, read_words

CLAUSE_END = re.compile(
    r"[,;:()—–]|\.\s"
    r"|\b(?:but|if|unless|when|while|although|though|however|because|since|until|and|so)\b",
    re.IGNORECASE,
)
NEGATORS = frozenset(
    "not no never neither nor none nobody nothing without non unable except excluding exclude "
    "excludes excluded prohibited prohibits forbidden banned refuse refuses refused decline "
    "declines declined deny denies denied".split()
)
# These deny too, without turning round what they reach: «avoid», «rather than», «fail to».
DENIALS = NEGATORS | frozenset(
    "cannot avoid avoids avoiding lack lacks lacking fail fails failed prevent prevents instead "
    "rather only unless few little less hardly rarely impossible unable unavailable disabled "
    "unlike exempt waive waived free ineligible before until".split()
)
# These deny the noun that follows, not the sentence: «charges no fee for changing dates».
NOUN_NEGATORS = frozenset("no non without except excluding neither nor".split())
CLOSING_NEGATORS = frozenset(
    "prohibited forbidden banned excluded refused declined denied impossible".split()
)
# «no later than», «no more than» and «not only» bound or add; they deny nothing.
HARMLESS = re.compile(
    r"(?i)\bno (?:later|more|less|fewer|sooner|earlier) than\b|\bnot only\b|\bno matter\b"
    r"|\bnot (?:more|less|later) than\b"
)
REACH = 4
NOUN_REACH = 1


def split_clauses(text: str) -> list[str]:
    """Return the clauses of a sentence, split at punctuation and conjunctions."""
    return [part.strip() for part in CLAUSE_END.split(text) if part.strip()]


@lru_cache(maxsize=4_000)
def read_polarity(text: str) -> dict[str, frozenset[bool]]:
    """Map each content stem to the ways it occurs: True where it is denied."""
    ways: dict[str, set[bool]] = {}
    for clause in split_clauses(HARMLESS.sub(" ", text)):
        for stem, denied in _mark(read_words(clause)):
            ways.setdefault(stem, set()).add(denied)
    return {stem: frozenset(denied) for stem, denied in ways.items()}


def _mark(words: tuple[Word, ...]) -> Iterator[tuple[str, bool]]:
    """Yield each content stem with whether it is denied; with both where that is uncertain."""
    reach, whole = 0, True
    closed = any(word.text.lower() in CLOSING_NEGATORS for word in words[-1:])
    for word in words:
        lowered = word.text.lower()
        if lowered in NEGATORS:
            reach, whole = (NOUN_REACH, True) if lowered in NOUN_NEGATORS else (REACH, False)
            continue
        if not word.is_content:
            continue
        yield word.stem, bool(reach) or closed
        # How far a «not» reaches is a guess: beyond it, the words may be denied or not.
        if not reach and not whole:
            yield word.stem, True
        reach = max(0, reach - 1)


def find_reversals(claim: str, source: str, context: str = "") -> frozenset[str]:
    """Return the stems that the claim denies and the source affirms, or the other way round.

    The context counts only for what the source itself does not mention.
    """
    said, stated = read_polarity(claim), {**read_polarity(context), **read_polarity(source)}
    shared = said.keys() & stated.keys()
    return frozenset(stem for stem in shared if not said[stem] & stated[stem])
