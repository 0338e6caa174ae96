"""Personal data that is plain to see: found in what somebody writes, and taken out of drafts."""

import re
from collections.abc import Iterable, Sequence

EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
# Seven digits or more with at most one separator between two of them. Prices, years and short
# codes have fewer, and dates are told apart below.
PHONE = re.compile(r"(?<![\w.,/#-])(?:\+|\(?0)?\(?\d(?:[ ()./-]{0,2}\d){6,14}(?![\w/])")
DATE = re.compile(r"\d{4}-\d{2}-\d{2}|\d{1,2}[./]\d{1,2}[./]\d{4}")
SHORTEST_NAME = 3
MASKS = {EMAIL: "[e-mail address]", PHONE: "[phone number]"}
NAME = "[name]"


def find_personal(text: str) -> list[str]:
    """Return the e-mail addresses and phone numbers in a text, each once, in their order."""
    found = [match.group() for pattern in MASKS for match in _find(pattern, text)]
    return list(dict.fromkeys(found))


def mask(text: str, names: Iterable[str] = ()) -> str:
    """Replace e-mail addresses, phone numbers and the given names by what they are."""
    for pattern, shown in MASKS.items():
        for found in {match.group() for match in _find(pattern, text)}:
            text = text.replace(found, shown)
    for part in _list_parts(names):
        text = re.sub(rf"\b{re.escape(part)}\b", NAME, text, flags=re.IGNORECASE)
    return re.sub(rf"{re.escape(NAME)}(?:\s+{re.escape(NAME)})+", NAME, text)


def _find(pattern: re.Pattern[str], text: str) -> Iterable[re.Match[str]]:
    return (match for match in pattern.finditer(text) if not _is_date(match.group()))


def _is_date(text: str) -> bool:
    return bool(DATE.fullmatch(text.strip()))


def _list_parts(names: Iterable[str]) -> Sequence[str]:
    """Return names and their words, the longest first; the shortest could be any word."""
    parts = {part for name in names for part in (name, *name.split())}
    return sorted((part for part in parts if len(part) >= SHORTEST_NAME), key=len, reverse=True)
