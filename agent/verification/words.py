"""Sentences as words: tokens, stems, and which of them carry meaning."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import Stemmer

TOKEN = re.compile(r"\w+(?:[.,:]\d+)*(?:[’']\w+)?|[%$€£¥]", re.UNICODE)
BEGINNING = re.compile(r"[:.!?;“„\"(]\s*[A-Z](?=[a-z])")
CONTRACTED_NOT = re.compile(r"(?i)\b(can|won|sha)?(\w*?)n[’']t\b")

# Words that say nothing by themselves: a sentence is not supported because it shares them.
STOP_WORDS = frozenset(
    """
    a about above after again against all also am an and any are as at be because been before
    being below between both but by can could did do does doing done down during each either
    else even ever every few for from further get gets getting give given go got had has have
    having he her here hers him his how i if in into is it its itself just know let like made
    make makes many may me might more most much must my no nor not of off on once one ones only
    or other our ours out over own per please put same shall she should since so some still
    such take takes tell than that the their theirs them then there these they thing things
    this those through thus to too under until up upon us use used using very via want was way
    we well were what whatever when where whether which while who whom whose why will with
    within without would yes yet you your yours able need needs happen happens cannot
    """.split()
)

_STEMMER = Stemmer.Stemmer("english")


@dataclass(frozen=True, slots=True)
class Word:
    """A token with its place in the text; `stem` is lower case."""

    text: str
    stem: str

    @property
    def is_content(self) -> bool:
        """Whether the word carries meaning by itself."""
        lowered = self.text.lower()
        return lowered not in STOP_WORDS and len(lowered) > 1 and not lowered[0].isdigit()


def expand_negations(text: str) -> str:
    """Write contracted negations out: «can't» becomes «can not», «isn't» «is not»."""
    expanded = CONTRACTED_NOT.sub(_expand, text)
    return expanded.replace("cannot", "can not").replace("Cannot", "Can not")


def _expand(match: re.Match[str]) -> str:
    irregular = {"can": "can", "won": "will", "sha": "shall"}
    verb = irregular.get((match.group(1) or "").lower(), match.group(1) or "")
    return f"{verb}{match.group(2)} not"


@lru_cache(maxsize=20_000)
def stem(token: str) -> str:
    """Return the English stem of a token, with possessives taken off."""
    lowered = token.lower().replace("’", "'")
    return str(_STEMMER.stemWord(lowered.removesuffix("'s").removesuffix("'")))


def read_words(text: str) -> tuple[Word, ...]:
    """Return the words of a text in order, negations written out."""
    tokens = TOKEN.findall(expand_negations(text))
    return tuple(Word(token, stem(token)) for token in tokens)


def content_stems(words: Iterable[Word]) -> frozenset[str]:
    """Return the stems of the words that carry meaning."""
    return frozenset(word.stem for word in words if word.is_content)


def find_phrase(words: Sequence[Word], phrase: Sequence[str]) -> int:
    """Return where a phrase of lower-case tokens begins, or -1."""
    size = len(phrase)
    for start in range(len(words) - size + 1):
        window = words[start : start + size]
        if all(word.text.lower() == part for word, part in zip(window, phrase, strict=True)):
            return start
    return -1


def read_names(text: str) -> frozenset[str]:
    """Return the stems of the words that are capitalised inside the text, not at its start.

    After a colon, a quotation mark or the like a sentence begins anew: «Note: Cards expire».
    """
    inner = read_words(BEGINNING.sub(lambda match: match[0].lower(), text))[1:]
    return frozenset(w.stem for w in inner if w.text[:1].isupper() and w.is_content)
