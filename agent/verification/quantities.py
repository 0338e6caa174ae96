"""Numbers with their units and bounds, read from a sentence so that two can be compared."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from agent.verification.words import Word, read_words

NUMBER_WORDS = {
    word: value
    for value, word in enumerate(
        "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen "
        "fifteen sixteen seventeen eighteen nineteen twenty".split()
    )
} | {
    "thirty": 30,
    "forty": 40,
    "fifty": 50,
    "sixty": 60,
    "seventy": 70,
    "eighty": 80,
    "ninety": 90,
    "hundred": 100,
    "thousand": 1000,
    "half": 50,
    "twice": 2,
    "once": 1,
    "dozen": 12,
}
# «one» and «once» are counted only where a unit follows: «one of the ways» states no number.
LOOSE = frozenset({"one", "once", "half", "zero"})
CURRENCIES = {
    "$": "dollar", "usd": "dollar", "dollar": "dollar",
    "€": "euro", "eur": "euro", "euro": "euro",
    "£": "pound", "gbp": "pound", "pound": "pound",
    "¥": "yen", "jpy": "yen", "yen": "yen",
}  # fmt: skip
UNITS = CURRENCIES | {
    "%": "percent", "percent": "percent", "percentag": "percent", "per": "",
    "second": "second", "sec": "second", "minut": "minute", "min": "minute",
    "hour": "hour", "hr": "hour", "h": "hour", "day": "day", "night": "night",
    "week": "week", "month": "month", "year": "year", "yr": "year", "quarter": "quarter",
    "am": "am", "pm": "pm", "a.m": "am", "p.m": "pm",
    "guest": "guest", "person": "person", "peopl": "person", "child": "child", "time": "time",
    "mb": "mb", "gb": "gb", "kb": "kb", "km": "km", "mile": "mile", "metr": "metre",
    "meter": "metre", "kg": "kg", "point": "point", "star": "star", "photo": "photo",
    "attempt": "attempt", "instal": "instalment", "digit": "digit", "charact": "character",
}  # fmt: skip
WORKING = frozenset({"business", "working"})
MEASURES = frozenset(CURRENCIES.values()) | {"percent"}
QUALIFIERS = WORKING | {"calendar", "consecutive", "full", "additional", "more", "whole"}
CONNECTIVES = frozenset({"to", "or", "and", "of", "$"})
NUMBER = re.compile(r"^\d[\d,]*(?:[.:]\d+)*$")
CLOCK = re.compile(r"^(\d{1,2}):(\d{2})(?::\d{2})?$")
GLUED = re.compile(
    r"^(\d[\d,.]*)(am|pm|h|hrs?|k|m|mb|gb|kb|km|kg|min|st|nd|rd|th|x)$", re.IGNORECASE
)
RANGE = re.compile(r"(\d(?:[\d:.,]*\d)?) to (\d(?:[\d:.,]*\d)?)")
SIDES = {"before": "before", "prior": "before", "after": "after", "following": "after"}
UNIT_REACH = 5
BOUND_REACH = 4
SIDE_REACH = 4


class Bound(StrEnum):
    """How a number limits what it counts."""

    EXACT = "exact"
    LOWER = "lower"
    UPPER = "upper"


BOUNDS: tuple[tuple[tuple[str, ...], Bound], ...] = (
    (("no", "more", "than"), Bound.UPPER),
    (("never", "more", "than"), Bound.UPPER),
    (("not", "more", "than"), Bound.UPPER),
    (("no", "less", "than"), Bound.LOWER),
    (("no", "fewer", "than"), Bound.LOWER),
    (("no", "later", "than"), Bound.UPPER),
    (("more", "than"), Bound.LOWER),
    (("less", "than"), Bound.UPPER),
    (("fewer", "than"), Bound.UPPER),
    (("at", "least"), Bound.LOWER),
    (("at", "most"), Bound.UPPER),
    (("up", "to"), Bound.UPPER),
    (("minimum",), Bound.LOWER),
    (("maximum",), Bound.UPPER),
    (("over",), Bound.LOWER),
    (("above",), Bound.LOWER),
    (("under",), Bound.UPPER),
    (("below",), Bound.UPPER),
    (("within",), Bound.UPPER),
)  # the longer phrases stand first: the first that fits wins
AFTERWARDS: dict[str, Bound] = {
    "minimum": Bound.LOWER,
    "maximum": Bound.UPPER,
    "least": Bound.LOWER,
}


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number as stated: its value, its unit (empty where none is said) and its bound.

    `side` is «before» or «after» where the number is counted from something: «5 days before».
    """

    value: float
    unit: str
    bound: Bound
    working_days: bool = False
    side: str = ""

    def agrees_with(self, stated: "Quantity") -> bool:
        """Whether this is no more than what `stated` says."""
        # «four payments» has no unit here, and must not stand for 4% or $4.
        measured = {self.unit, stated.unit} & MEASURES
        unknown = not (self.unit and stated.unit) and not measured
        same_unit = unknown or self.unit == stated.unit
        same_days = self.working_days == stated.working_days or self.unit != "day"
        same_side = not self.side or not stated.side or self.side == stated.side
        same = same_unit and same_days and same_side and self.value == stated.value
        return same and self._bound_fits(stated)

    def _bound_fits(self, stated: "Quantity") -> bool:
        if self.bound is stated.bound:
            return True
        # «5 days» for «within 5 days» loses a bound; «at least 5» for «up to 5» turns it round.
        return self.bound is Bound.EXACT and stated.bound is Bound.UPPER


def read_quantities(text: str) -> tuple[Quantity, ...]:
    """Return every quantity that a sentence states, in order."""
    words = read_words(_open_up(text))
    found: list[Quantity] = []
    for place, word in enumerate(words):
        value = _value(word.text)
        if value is None:
            continue
        unit, working = _unit(words, place)
        if word.text.lower() == "half":
            unit = "percent"
        if word.text.lower() in LOOSE and not unit:
            continue
        found.append(Quantity(value, unit, _bound(words, place), working, _side(words, place)))
    return tuple(found)


def read_values(text: str) -> frozenset[float]:
    """Return every number that a text holds, in figures or in words, whatever it counts."""
    values = (_value(word.text) for word in read_words(_open_up(text)))
    return frozenset(value for value in values if value is not None)


def read_ranges(text: str) -> frozenset[tuple[str, str]]:
    """Return the ranges that a sentence states, as written: «from 8:00 to 22:00»."""
    return frozenset(RANGE.findall(_open_up(text)))


def _open_up(text: str) -> str:
    """Part ranges, compounds and glued units into words: «5-10», «24-hour», «3pm», «$50»."""
    spaced = re.sub(r"(?<=\d)\s*[–—-]\s*(?=\$?\d)", " to ", text)
    spaced = re.sub(r"(?<=\w)-(?=\w)", " ", spaced)
    spaced = re.sub(r"([$€£¥%])", r" \1 ", spaced)
    spaced = re.sub(r"(?i)\b([ap])\.m\b\.?", r"\1m", spaced)
    return " ".join(GLUED.sub(r"\1 \2", token) for token in spaced.split())


def _value(token: str) -> float | None:
    lowered = token.lower()
    if lowered in NUMBER_WORDS:
        return float(NUMBER_WORDS[lowered])
    if not NUMBER.match(token):
        return None
    if clock := CLOCK.match(token):
        return int(clock[1]) + int(clock[2]) / 100
    plain = token.replace(",", "").rstrip(".")
    # «10.1.1.1:8080» is an address and «1.2.3» a version: neither counts anything.
    return float(plain) if plain.count(".") <= 1 and ":" not in plain else None


def _unit(words: Sequence[Word], place: int) -> tuple[str, bool]:
    if place and words[place - 1].stem in CURRENCIES:
        return CURRENCIES[words[place - 1].stem], False
    working = False
    ahead = words[place + 1 : place + 1 + UNIT_REACH]
    for word in ahead:
        working = working or word.text.lower() in WORKING
        if unit := UNITS.get(word.stem):
            return unit, working
        if word.text.lower() not in QUALIFIERS | CONNECTIVES and _value(word.text) is None:
            return "", False
    return "", False


def _bound(words: Sequence[Word], place: int) -> Bound:
    before = [word.text.lower() for word in words[max(0, place - BOUND_REACH) : place]]
    while before and (
        before[-1] in {"$", "€", "£", "a", "of", "the", "to", "is"} or _is_range(before)
    ):
        if before[-2:] == ["up", "to"]:
            break
        before.pop()
    for phrase, bound in BOUNDS:
        if tuple(before[-len(phrase) :]) == phrase:
            return bound
    after = [word.text.lower() for word in words[place + 1 : place + 4]]
    if "or" in after[:3]:
        return Bound.LOWER if set(after) & {"more", "longer", "older"} else _less_or_exact(after)
    return next((AFTERWARDS[token] for token in after if token in AFTERWARDS), Bound.EXACT)


def _side(words: Sequence[Word], place: int) -> str:
    ahead = (word.text.lower() for word in words[place + 1 : place + 1 + SIDE_REACH])
    return next((SIDES[token] for token in ahead if token in SIDES), "")


def _is_range(before: list[str]) -> bool:
    return len(before) > 1 and before[-1] == "to" and _value(before[-2]) is not None


def _less_or_exact(after: list[str]) -> Bound:
    return Bound.UPPER if set(after) & {"less", "fewer", "shorter", "younger"} else Bound.EXACT
