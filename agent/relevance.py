"""Whether what could be said would answer what was asked."""

import re

from agent.verification.quantities import read_quantities
from agent.verification.words import read_names, read_words
from knowledge_base.articles import Passage

FEWEST_OF_A_TITLE = 3
SHARE_OF_A_TITLE = 0.7
TIMES = frozenset({"second", "minute", "hour", "day", "night", "week", "month", "year", "am", "pm"})
ASKS_WHEN = re.compile(
    r"(?i)\b(?:how (?:long|soon|early|late|quickly|fast)|when|what time|by what date|until when"
    r"|how many (?:days|hours|nights|weeks|months|years))\b"
)
ASKS_AMOUNT = re.compile(
    r"(?i)\b(?:how (?:much|many|old|high)|what(?:['’]s| is| are) (?:the |your |my )?(?:\w+ ){0,3}"
    r"(?:fee|fees|cost|costs|price|rate|limit|minimum|maximum|percentage|yield|apy|apr|age))\b"
)
SAYS_WHEN = re.compile(
    r"(?i)\b(?:before|after|until|till|once|as soon as|immediately|instantly|at once|same day|next"
    r"|every|always|never|any time|daily|weekly|monthly|\d{1,2}:\d{2}"
    r"|january|february|march|april|june|july|august|september|october|november|december)\b"
)
SAYS_AMOUNT = re.compile(
    r"(?i)\b(?:free|nothing|no (?:fee|charge|limit|cost)|full|all|half|none)\b"
)


def speaks_of_what_is_named(
    question: str,
    passage: Passage,
    known: frozenset[str] = frozenset(),
    most_missing: float = 0.0,
) -> bool:
    """Whether the passage holds the names in the question: another account's rate is no answer.

    Names are words capitalised inside the question; `known` ones, as stems, stand for the company.
    `most_missing` is the share of them that it need not hold.
    """
    names = _read_names(question) - known
    held = " ".join((passage.title, *passage.heading_path, passage.text))
    missing = names - {word.stem for word in read_words(held)}
    return len(missing) <= most_missing * len(names)


def _read_names(question: str) -> frozenset[str]:
    """Return the names in a question; in one that is written like a title there are none."""
    words = [word.text for word in read_words(question) if word.is_content]
    capitals = sum(word[0].isupper() for word in words)
    if len(words) >= FEWEST_OF_A_TITLE and capitals > SHARE_OF_A_TITLE * len(words):
        return frozenset()
    # «I'm», «I've».
    return frozenset(name for name in read_names(question) if not name.startswith(("i'", "i’")))


def gives_what_is_asked(question: str, answer: str) -> bool:
    """Whether a sentence has a time where one is asked for, and an amount where one is.

    «How long does a transfer take?» is not answered by what it costs. A question that asks for
    neither is not judged.
    """
    quantities = read_quantities(answer)
    if ASKS_WHEN.search(question):
        return bool(SAYS_WHEN.search(answer)) or any(q.unit in TIMES for q in quantities)
    if ASKS_AMOUNT.search(question):
        return bool(quantities or SAYS_AMOUNT.search(answer))
    return True
