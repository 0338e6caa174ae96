"""The evidence that a decision is made from, as plain numbers."""

import re
from collections.abc import Mapping, Sequence
from statistics import fmean, pstdev

from agent.nearness import Near
from agent.queries import Queries
from agent.verification.words import content_stems, read_words
from knowledge_base.articles import Hit, Passage, Ranking

PRONOUN = re.compile(
    r"(?i)\b(?:it|its|they|them|their|he|she|one|ones|same|other|another|both|either)\b"
)
POINTING = re.compile(r"(?i)\b(?:this|that|these|those)\b(?! (?:i|we|you|is|are)\b)")
DEFINITE = re.compile(r"(?i)\bthe (?:particular |specific |same )?\w{3,}")
PAST = re.compile(r"(?i)\b(?:did|was|were|had|has been|have been)\b")
OPENER = re.compile(r"(?i)^\s*(?:and|or|but|what about|how about|then|so|also|ok(?:ay)?|why)\b")
TOP = 5
FIRST = 3
FAR = 20
LONGEST = 12
MUCH_LEXICAL = 30.0


def measure(
    queries: Queries,
    rankings: Mapping[str, Ranking],
    passages: Sequence[Passage],
    units: Sequence[Near],
) -> dict[str, float]:
    """Return the features of one turn.

    `rankings` holds one for each of the queries, by name; `passages` are the fused ranking's
    first, `units` the sentences of those passages, nearest to the question first.
    """
    own, turn, reply = (rankings[name].hits for name in ("own", "turn", "reply"))
    return {
        **_nearest(units),
        **_similarities("own", own),
        **_similarities("turn", turn),
        "reply_similarity": max((h.similarity for h in reply), default=0.0),
        "lexical": _lexical(own),
        "turn_lexical": _lexical(turn),
        "reply_lexical": _lexical(reply),
        "coverage": max((h.coverage for h in own[:FIRST]), default=0.0),
        "turn_coverage": max((h.coverage for h in turn[:FIRST]), default=0.0),
        "same_first": _agrees(own, turn),
        **_words(queries, passages),
    }


def _nearest(units: Sequence[Near]) -> dict[str, float]:
    similarities = [near.similarity for near in units[:FIRST]]
    return {
        "sentence": max(similarities, default=0.0),
        "sentences": sum(similarities) / FIRST,
    }


def _similarities(name: str, hits: Sequence[Hit]) -> dict[str, float]:
    ranked = sorted((h.similarity for h in hits), reverse=True)
    top = ranked[0] if ranked else 0.0
    return {
        f"{name}_similarity": top,
        # How far the best stands out: nothing does where the corpus is about something else.
        f"{name}_gap": top - ranked[min(FAR, len(ranked)) - 1] if ranked else 0.0,
        f"{name}_deviation": (top - fmean(ranked)) / (pstdev(ranked) or 1.0) if ranked else 0.0,
    }


def _lexical(hits: Sequence[Hit]) -> float:
    return min(max((h.lexical for h in hits), default=0.0), MUCH_LEXICAL) / MUCH_LEXICAL


def _agrees(own: Sequence[Hit], turn: Sequence[Hit]) -> float:
    if not own or not turn:
        return 0.0
    firsts = [max(hits, key=lambda h: h.similarity).passage.id for hits in (own, turn)]
    return float(firsts[0] == firsts[1])


def _words(queries: Queries, passages: Sequence[Passage]) -> dict[str, float]:
    stems = content_stems(read_words(queries.own))
    said = content_stems(read_words(f"{queries.turn} {queries.replied}"))
    before = content_stems(read_words(queries.turn.removesuffix(queries.own)))
    before |= content_stems(read_words(queries.reply.removesuffix(queries.own)))
    held = content_stems(read_words(" ".join(f"{p.title} {p.text}" for p in passages)))
    size = max(1, len(stems))
    return {
        "words": min(len(stems), LONGEST) / LONGEST,
        "very_short": float(len(stems) <= 1 and len(said) <= 1),
        "short": float(len(stems) <= 2),  # noqa: PLR2004 - hardly enough to say what is meant
        "uncovered": len(stems - held) / size,
        "new": min(len(stems - before), LONGEST) / LONGEST,
        "repeated": len(stems & before) / size,
        "pronouns": min(len(PRONOUN.findall(queries.own)), FIRST) / FIRST,
        "pointing": float(bool(POINTING.search(queries.own))),
        "definite": float(bool(DEFINITE.search(queries.own))),
        "past": float(bool(PAST.search(queries.own))),
        "asks": float("?" in queries.own),
        "follow_up": float(queries.turn != queries.own),
    }


def depends_on_history(question: str) -> bool:
    """Whether a question points at something that was said before it.

    A short one that points at nothing is better left alone: the model makes something else of it.
    """
    return bool(PRONOUN.search(question) or POINTING.search(question) or OPENER.search(question))
