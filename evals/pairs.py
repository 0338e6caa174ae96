"""Pairs of a sentence and passages, supported or not, made from a suite's human references.

Of each case that has `relevant` articles and a reference, every sentence of the reference with
the case's own articles makes a supported pair (kind `reference`). Sentences with fewer than
`FEWEST_STEMS` words of meaning, questions, courtesies and headings that lead a list in are left
out. Each of the others is then made unsupported in every way that applies to it:

`near_passages`      the articles of the case whose articles are most like its own (TF-IDF cosine),
                     copies of its own (cosine above `COPY`) left out
`random_passages`    the articles of a case drawn by seed
`changed_number`     one number altered to a value that its articles do not hold
`swapped_name`       one name exchanged for a name of the same kind from another case, which its
                     articles do not hold
`turned_negation`    a «not» put in or taken out
`made_up_condition`  a condition added, from another case's reference or from `CONDITIONS`

What is drawn is drawn by a generator seeded with seed, case, sentence and kind: a pair stays the
same whatever other cases the suite has, unless it borrows from them.
"""

import random
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from sklearn.feature_extraction.text import TfidfVectorizer

from agent.verification.sentences import LIST_MARK, split_sentences
from agent.verification.words import content_stems, read_words

FEWEST_STEMS = 3
# Above this cosine, an article is a copy: what one supports, the other does too.
COPY = 0.6
COURTESY = re.compile(
    r"(?i)^(?:I(?:['’]m| am) (?:sorry|afraid|glad|happy)|sorry|thank|you['’]re welcome"
    r"|I apologi[sz]e|apologies|good luck|hello|hi\b|here (?:are|is)\b|let me know"
    r"|feel free|I hope|please let|if you have any (?:other|further|more) questions)"
    r"|\bI (?:do not|don['’]t) (?:have|know)\b"
)
# Not part of a name («TLS-1.2», «Machine8»), and not a list's mark («3.» at the end).
NUMBER = re.compile(r"(?<![\w.,-])\d[\d,]*(?:\.\d+)?(?![\w-]|[.,:]\d|\.$)")
NAME = re.compile(r"(?<=[a-z,;] )(?:[A-Z][\w&-]+)(?: (?:[A-Z][\w&-]+))*")
AUXILIARY = re.compile(
    r"\b(?:is|are|was|were|can|could|will|would|should|may|must|does|do|has|have)\b"
    r"(?! (?:not|no|only|never|nothing)\b|n['’]t)"
)
NEGATION = re.compile(
    r"(?<=\bis) not\b|(?<=\bdo) not\b|(?<=\b(?:are|was|can|may|has)) not\b"
    r"|(?<=\b(?:will|were|does|must|have)) not\b|(?<=\b(?:could|would)) not\b"
    r"|(?<=\bshould) not\b|(?<=[a-z])n['’]t\b|(?<=\bcan)not\b"
)
CONDITION = re.compile(
    r"(?i)\b(?:if|unless|provided that|as long as|only when|only after) (?:you|your|the|a|an|it)\b"
    r"[^,.;:()$]{10,80}(?=[,;:]|\.(?!\d)|$)"
)
CONDITIONS = (
    "if you have been a customer for at least two years",
    "if your manager has approved it in writing",
    "unless you live outside the country",
    "only when the request is made on a weekday",
    "provided that you have paid the annual fee",
    "as long as nobody else shares the household",
    "only after a waiting period has passed",
    "unless the contract was signed by two people",
    "if you ask for it by registered post",
    "provided that an inspector has visited first",
)


class Kind(StrEnum):
    """How a pair was made; all but the first are unsupported."""

    REFERENCE = "reference"
    NEAR_PASSAGES = "near_passages"
    RANDOM_PASSAGES = "random_passages"
    CHANGED_NUMBER = "changed_number"
    SWAPPED_NAME = "swapped_name"
    TURNED_NEGATION = "turned_negation"
    MADE_UP_CONDITION = "made_up_condition"


@dataclass(frozen=True, slots=True)
class Pair:
    """A sentence with the ids of the articles that it is to be verified against."""

    id: str
    case_id: str
    kind: Kind
    sentence: str
    articles: tuple[str, ...]

    @property
    def supported(self) -> bool:
        """Whether a person wrote the sentence from these articles."""
        return self.kind is Kind.REFERENCE


class Source(Protocol):
    """What is read of a suite's case."""

    @property
    def id(self) -> str:
        """Its id in the suite."""

    @property
    def relevant(self) -> Sequence[str]:
        """The ids of the articles that the reference was written from."""

    @property
    def reference(self) -> str:
        """The answer that a person wrote."""


@dataclass(frozen=True, slots=True)
class _Stock:
    """What pairs are made of: cases with a reference, articles' texts, and what can be borrowed."""

    cases: Sequence[Source]
    texts: Mapping[str, str]
    nearest: Mapping[str, str]
    names: Mapping[str, tuple[str, ...]]
    conditions: Mapping[str, tuple[str, ...]]

    def text_of(self, case: Source) -> str:
        return " ".join(self.texts[article] for article in case.relevant)


def make_pairs(cases: Sequence[Source], texts: Mapping[str, str], seed: int) -> list[Pair]:
    """Return the pairs of all cases that have a reference, in the suite's order.

    `texts` maps every article's id to its title and text.
    """
    usable = [case for case in cases if case.reference and _knows_all(case, texts)]
    stock = _Stock(
        usable,
        texts,
        _find_nearest(usable, texts),
        _find_names(usable),
        {case.id: tuple(CONDITION.findall(case.reference)) for case in usable},
    )
    return [pair for case in usable for pair in _make_of_case(case, stock, seed)]


def _knows_all(case: Source, texts: Mapping[str, str]) -> bool:
    return bool(case.relevant) and all(article in texts for article in case.relevant)


def read_statements(reference: str) -> list[str]:
    """Return the sentences of a reference that state something which could be supported."""
    plain = (LIST_MARK.sub("", sentence).strip() for sentence in split_sentences(reference))
    return [sentence for sentence in plain if _states_something(sentence)]


def _states_something(sentence: str) -> bool:
    if sentence.endswith(("?", ":")) or COURTESY.search(sentence):
        return False
    return len(content_stems(read_words(sentence))) >= FEWEST_STEMS


def _find_names(cases: Sequence[Source]) -> dict[str, tuple[str, ...]]:
    """Map each case to the names in its reference: words that no reference writes small."""
    small = {word.text for case in cases for word in read_words(case.reference)}
    return {
        case.id: tuple(
            name
            for name in NAME.findall(case.reference)
            if not all(word.lower() in small for word in name.split())
        )
        for case in cases
    }


def _find_nearest(cases: Sequence[Source], texts: Mapping[str, str]) -> dict[str, str]:
    """Map each case to the one whose articles are most like its own, without being copies."""
    ids = sorted({article for case in cases for article in case.relevant})
    if not ids:
        return {}
    vectors = TfidfVectorizer(stop_words="english").fit_transform([texts[i] for i in ids])
    likeness: NDArray[np.float64] = (vectors @ vectors.T).toarray()
    rows = {article: row for row, article in enumerate(ids)}
    places = {case.id: [rows[article] for article in case.relevant] for case in cases}
    return {
        own: best
        for own, mine in places.items()
        if (best := _nearest(own, mine, places, likeness)) is not None
    }


def _nearest(
    own: str, mine: list[int], places: Mapping[str, list[int]], likeness: NDArray[np.float64]
) -> str | None:
    near: dict[str, float] = {}
    for other, theirs in places.items():
        between = likeness[np.ix_(mine, theirs)]
        if other != own and between.max() < COPY:
            near[other] = float(between.mean())
    return max(near, key=lambda other: near[other], default=None)


def _make_of_case(case: Source, stock: _Stock, seed: int) -> Iterator[Pair]:
    for place, sentence in enumerate(read_statements(case.reference)):
        for kind in Kind:
            # A string seeds the same on every machine, a tuple's hash does not.
            draw = random.Random(f"{seed}/{case.id}/{place}/{kind}")  # noqa: S311 - no secret
            made = _make(kind, case, sentence, stock, draw)
            if made is not None:
                said, articles = made
                yield Pair(f"{case.id}/{place}/{kind}", case.id, kind, said, tuple(articles))


def _make(
    kind: Kind, case: Source, sentence: str, stock: _Stock, draw: random.Random
) -> tuple[str, Sequence[str]] | None:
    if kind is Kind.REFERENCE:
        return sentence, case.relevant
    if kind in {Kind.NEAR_PASSAGES, Kind.RANDOM_PASSAGES}:
        other = _other_case(kind, case, stock, draw)
        return (sentence, other.relevant) if other else None
    altered = ALTERATIONS[kind](case, sentence, stock, draw)
    return (altered, case.relevant) if altered else None


def _other_case(kind: Kind, case: Source, stock: _Stock, draw: random.Random) -> Source | None:
    strange = [c for c in stock.cases if not set(c.relevant) & set(case.relevant)]
    if kind is Kind.NEAR_PASSAGES:
        nearest = stock.nearest.get(case.id)
        return next((c for c in strange if c.id == nearest), None)
    return draw.choice(strange) if strange else None


def _change_number(case: Source, sentence: str, stock: _Stock, draw: random.Random) -> str | None:
    found = list(NUMBER.finditer(sentence))
    if not found:
        return None
    match = draw.choice(found)
    taken = set(NUMBER.findall(f"{sentence} {stock.text_of(case)}"))
    value = float(match[0].replace(",", ""))
    near = (value + 1, value + 2, value * 2, value + 5, value * 3, value + 10, value + 100)
    fresh = [text for text in (_like(match[0], other) for other in near) if text not in taken]
    return _replace(sentence, match, draw.choice(fresh)) if fresh else None


def _like(written: str, value: float) -> str:
    decimals = len(written.partition(".")[2])
    return f"{value:{',' if ',' in written else ''}.{decimals}f}"


def _replace(sentence: str, match: re.Match[str], by: str) -> str:
    return f"{sentence[: match.start()]}{by}{sentence[match.end() :]}"


def _swap_name(case: Source, sentence: str, stock: _Stock, draw: random.Random) -> str | None:
    found = [match for match in NAME.finditer(sentence) if match[0] in stock.names[case.id]]
    if not found:
        return None
    match = draw.choice(found)
    held = f"{sentence} {stock.text_of(case)}".lower()
    others = sorted({name for names in stock.names.values() for name in names})
    fresh = [o for o in others if _shape(o) == _shape(match[0]) and o.lower() not in held]
    return _replace(sentence, match, draw.choice(fresh)) if fresh else None


def _shape(name: str) -> tuple[bool, bool, bool]:
    """Return a name's kind as far as writing shows it: acronym, of several words, with digits."""
    return name.isupper(), " " in name, any(sign.isdigit() for sign in name)


def _turn_negation(case: Source, sentence: str, stock: _Stock, draw: random.Random) -> str | None:
    del case, stock, draw
    if match := NEGATION.search(sentence):
        return _replace(sentence, match, "")
    if match := AUXILIARY.search(sentence):
        return _replace(sentence, match, f"{match[0]} not")
    return None


def _add_condition(case: Source, sentence: str, stock: _Stock, draw: random.Random) -> str | None:
    own = stock.conditions[case.id]
    borrowed = sorted({c for cs in stock.conditions.values() for c in cs} - set(own))
    # Half are people's own wording, half are of our making: neither kind alone may be learnt.
    pool: Sequence[str] = borrowed if borrowed and draw.random() < 1 / 2 else CONDITIONS
    condition = draw.choice(pool)
    return f"{sentence.rstrip('.!')} {condition[:1].lower()}{condition[1:]}."


ALTERATIONS: Mapping[Kind, Callable[[Source, str, _Stock, random.Random], str | None]] = {
    Kind.CHANGED_NUMBER: _change_number,
    Kind.SWAPPED_NAME: _swap_name,
    Kind.TURNED_NEGATION: _turn_negation,
    Kind.MADE_UP_CONDITION: _add_condition,
}
