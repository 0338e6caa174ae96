"""Sentences and the marks that cite passages: split from text, whole or as it streams in."""

import re
from collections.abc import Iterator

from sentencex import segment

CITATION = re.compile(r"\s*\[(\d{1,2}(?:\s*,\s*\d{1,2})*)\]")
ONLY_MARKS = re.compile(r"^(?:\s*\[[\d,\s]+\]\s*[.;]?)+\s*$")
PARTIAL_MARK = re.compile(r"^\[[\d,\s]*\]?\s*$")
LIST_MARK = re.compile(r"^\s*(?:[-*•]|\d{1,2}[.)])\s+")


def split_sentences(text: str, language: str = "en") -> list[str]:
    """Return the sentences of a text, each with the citation marks that follow it."""
    sentences: list[str] = []
    for line in text.splitlines():
        for part in segment(language, line.strip()):
            stripped = part.strip()
            if sentences and ONLY_MARKS.match(stripped):
                sentences[-1] = f"{sentences[-1]} {stripped}"
            elif stripped:
                sentences.append(stripped)
    return sentences


def read_citations(sentence: str) -> tuple[str, tuple[int, ...]]:
    """Take the marks out of a sentence: «Yes [1, 3].» gives «Yes.» and (1, 3)."""
    numbers = [int(n) for mark in CITATION.findall(sentence) for n in mark.split(",")]
    plain = LIST_MARK.sub("", CITATION.sub("", sentence)).strip()
    return plain, tuple(dict.fromkeys(numbers))


class SentenceStream:
    """Gathers streamed pieces of text and lets whole sentences out.

    A sentence is let out when the next one has begun, so that its citation marks are with it.
    """

    def __init__(self, language: str = "en") -> None:
        self._language = language
        self._held = ""

    def feed(self, piece: str) -> Iterator[str]:
        """Take in a piece; yield the sentences that it completes."""
        self._held += piece
        sentences = split_sentences(self._held, self._language)
        if self._held.endswith("\n"):
            yield from self.finish()
        elif len(sentences) > 1 and not PARTIAL_MARK.match(sentences[-1]):
            self._held = sentences[-1] + self._held[len(self._held.rstrip()) :]
            yield from sentences[:-1]

    def finish(self) -> Iterator[str]:
        """Yield what is left when the stream has ended."""
        rest, self._held = self._held, ""
        yield from split_sentences(rest, self._language)
