"""Whether what could be said would answer what was asked."""

import re

from agent.verification.quantities import read_quantities
from agent.verification.words import read_names, read_words
from knowledge_base.articles import Passage

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
    question: str, passage: Passage, known: frozenset[str] = frozenset()
) -> bool:
    """Whether the passage holds every name in the question: another account's rate is no answer.

    Names are words capitalised inside the question; `known` ones, as stems, stand for the company.
    """
    held = " ".join((passage.title, *passage.heading_path, passage.text))
    return not read_names(question) - known - {word.stem for word in read_words(held)}


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
