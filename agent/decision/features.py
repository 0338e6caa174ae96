"""The evidence that a decision is made from, as plain numbers."""

import re
from collections.abc import Sequence

from agent.verification.words import content_stems, read_words
from knowledge_base.articles import Hit, Ranking

DEICTIC = re.compile(
    r"(?i)\b(?:it|its|that|this|these|those|they|them|there|then|one|ones|he|she|same|other|another"
    r"|both|either|else|also|too|instead|so)\b"
)
OPENERS = re.compile(r"(?i)^\s*(?:and|or|but|what about|how about|then|so|also|ok(?:ay)?|why)\b")
TOP = 5
LONGEST = 12


def measure(
    question: str, own: Ranking, standalone: Ranking, *, follow_up: bool
) -> dict[str, float]:
    """Return the features of one turn.

    `question` is what the customer wrote, `own` its ranking; `standalone` is the ranking of the
    condensed question, the same as `own` where nothing was condensed.
    """
    hits = list(standalone.hits)
    words = read_words(question)
    stems = content_stems(words)
    condensed = content_stems(read_words(standalone.question))
    return {
        **_similarities(hits),
        **_lexical(hits),
        **_agreement(hits),
        "own_similarity": max((h.similarity for h in own.hits), default=0.0),
        "own_coverage": max((h.coverage for h in own.hits[:TOP]), default=0.0),
        "content_words": min(len(stems), LONGEST) / LONGEST,
        "condensed_words": min(len(condensed), LONGEST) / LONGEST,
        "very_short": float(len(condensed) <= 1),
        "short": float(len(condensed) == 2),  # noqa: PLR2004 - one word is counted apart
        "deictic": min(len(DEICTIC.findall(question)), 3) / 3,
        "follow_up": float(follow_up),
    }


def _similarities(hits: Sequence[Hit]) -> dict[str, float]:
    ranked = sorted(hits, key=lambda h: -h.similarity)
    top = ranked[0].similarity if ranked else 0.0
    rest = [h.similarity for h in ranked if h.passage.article_id != ranked[0].passage.article_id]
    return {
        "similarity": top,
        "similarity_margin": top - (rest[0] if rest else 0.0),
        "similarity_mean": sum(h.similarity for h in ranked[:TOP]) / max(1, len(ranked[:TOP])),
    }


def _lexical(hits: Sequence[Hit]) -> dict[str, float]:
    ranked = sorted(hits, key=lambda h: -h.lexical)
    top = ranked[0].lexical if ranked else 0.0
    rest = [h.lexical for h in ranked if h.passage.article_id != ranked[0].passage.article_id]
    best = max(hits, key=lambda h: h.similarity, default=None)
    return {
        "lexical": min(top, 30.0) / 30.0,
        "lexical_margin": (top - (rest[0] if rest else 0.0)) / top if top else 0.0,
        "coverage": max((h.coverage for h in hits[:TOP]), default=0.0),
        "coverage_of_nearest": best.coverage if best else 0.0,
    }


def _agreement(hits: Sequence[Hit]) -> dict[str, float]:
    near = [h.passage.id for h in sorted(hits, key=lambda h: -h.similarity)[:TOP]]
    alike = [h.passage.id for h in sorted(hits, key=lambda h: -h.lexical)[:TOP]]
    return {
        "same_first": float(bool(near) and near[0] == alike[0]),
        "overlap": len(set(near) & set(alike)) / TOP,
    }


def depends_on_history(question: str) -> bool:
    """Whether a question seems to lean on what was said before it."""
    stems = content_stems(read_words(question))
    leans = bool(DEICTIC.search(question) or OPENERS.search(question))
    return leans or len(stems) < 4  # noqa: PLR2004 - shorter ones rarely say what they are about
