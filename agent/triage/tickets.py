"""Tickets, and when two of them say the same."""

import hashlib
import re
import unicodedata
from dataclasses import dataclass, field

LONGEST = 100_000
WORD = re.compile(r"\w+")
DIGITS = re.compile(r"\d+")


@dataclass(frozen=True, slots=True)
class Ticket:
    """What a customer wrote. `row` counts from 1 in its file; `fields` are its other columns."""

    row: int
    id: str
    text: str
    fields: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Labelled:
    """A ticket's text and the labels that people gave it, by column."""

    text: str
    labels: dict[str, str]


def fold(text: str) -> str:
    """Return what two exact duplicates share: the text without case and spacing."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def fold_near(text: str) -> str:
    """Return what near duplicates share: the words in order, whatever the numbers in them."""
    return " ".join(WORD.findall(DIGITS.sub("0", fold(text))))


def hash_near(key: str) -> int:
    """Return 64 bits of what near duplicates share."""
    return int.from_bytes(hashlib.blake2b(key.encode("utf-8", "replace"), digest_size=8).digest())
