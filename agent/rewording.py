"""Rewording what a person is about to send: shorter, warmer, more formal, never other facts."""

import re
from enum import StrEnum

from agent.lanes import Lane
from agent.ports import ChatMessage, Completion, Deps
from agent.prompting import mark_off
from agent.verification.polarity import NEGATORS
from agent.verification.words import content_stems, expand_negations, read_names, read_words
from prompts import render

TOKENS = 320
FACT = re.compile(r"https?://[^\s)>\]]+|[\w.+-]+@[\w-]+\.[\w.]*\w|\d+(?:[.,:]\d+)*")

# Capitalised where letters begin and end.
POLITE = frozenset("dear hello hi thank thanks best kind regard regards sincerely customer".split())


class Manner(StrEnum):
    """How a message can be put."""

    SHORTER = "shorter"
    WARMER = "warmer"
    MORE_FORMAL = "more_formal"


ASKED = {
    Manner.SHORTER: "shorter and plainer",
    Manner.WARMER: "warmer and friendlier",
    Manner.MORE_FORMAL: "more formal and polite",
}


async def reword(deps: Deps, text: str, manner: Manner) -> str | None:
    """Return the text in another manner, or None if the model would change what it says.

    Numbers, links, addresses and negations have to stay, and no name may come in; a shorter text
    may leave some out. Raises what the model raises.
    """
    asked = ASKED[manner]
    messages: tuple[ChatMessage, ...] = (
        {"role": "system", "content": render("reword_system", manner=asked)},
        {"role": "user", "content": render("reword", text=mark_off(text), manner=asked)},
    )
    request = Completion(messages, TOKENS, seed=deps.seed, lane=Lane.DESK)
    reworded = "".join([piece async for piece in deps.model.stream(request)]).strip().strip('"')
    return reworded if reworded and says_the_same(text, reworded, manner) else None


def says_the_same(text: str, reworded: str, manner: Manner) -> bool:
    """Whether the facts that can be compared word for word are the same in both."""
    before, after = set(FACT.findall(text)), set(FACT.findall(reworded))
    kept = after <= before if manner is Manner.SHORTER else after == before
    names = read_names(reworded) - content_stems(read_words(text)) - POLITE
    return kept and not names and _denies(text) == _denies(reworded)


def _denies(text: str) -> bool:
    return any(word.text.lower() in NEGATORS for word in read_words(expand_negations(text)))
