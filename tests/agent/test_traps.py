"""The lies that the small model might tell of the demo articles, and truths in other words."""

import json
import tomllib
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest

from agent.nodes.answer import OPENER
from agent.verification.verifier import Verdict, Verifier
from knowledge_base import chunking
from knowledge_base.articles import Article, Passage
from knowledge_base.readers import read_articles

ROOT = Path(__file__).parents[2]
TRAPS = ROOT / "tests" / "traps"
VERIFIER = Verifier(["Larkstay"])
TOKENS_A_WORD = 1.35
FEWEST_LIES = 40
ENOUGH_TRUTHS = 0.7


def read_traps(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (TRAPS / name).read_text(encoding="utf-8").splitlines()]


def count_tokens(text: str) -> int:
    return int(len(text.split()) * TOKENS_A_WORD)


@lru_cache(maxsize=1)
def demo_passages() -> dict[str, list[Passage]]:
    articles = [item for item in read_articles([ROOT / "articles"]) if isinstance(item, Article)]
    return {article.id: chunking.split(article, count_tokens) for article in articles}


def verify(said: str, article: str, question: str) -> Verdict:
    """Verify as the answering node does, without a «Yes» in front."""
    plain = OPENER.sub("", said)
    return VERIFIER.verify(plain[:1].upper() + plain[1:], demo_passages()[article], question)


LIES = read_traps("lies.jsonl")
CONTRADICTIONS = tomllib.loads((TRAPS / "contradictions.toml").read_text(encoding="utf-8"))[
    "contradiction"
]


def test_there_are_enough_lies_and_each_has_an_id_of_its_own() -> None:
    assert len({trap["id"] for trap in LIES}) == len(LIES) >= FEWEST_LIES


@pytest.mark.parametrize("trap", LIES, ids=[trap["id"] for trap in LIES])
def test_a_lie_does_not_get_through(trap: dict[str, Any]) -> None:
    verdict = verify(trap["lie"], trap["article"], trap["question"])
    assert not verdict.supported, (
        f"{trap['lie']!r} passed as {verdict.unit and verdict.unit.text!r}"
    )


def test_most_truths_in_other_words_get_through() -> None:
    truths = read_traps("truths.jsonl")
    refused = [t for t in truths if not verify(t["truth"], t["article"], t["question"]).supported]
    share = 1 - len(refused) / len(truths)
    assert share >= ENOUGH_TRUTHS, f"{share:.0%} passed; refused: {[t['id'] for t in refused]}"


@pytest.mark.parametrize("pair", CONTRADICTIONS, ids=[pair["topic"] for pair in CONTRADICTIONS])
def test_neither_side_of_a_contradiction_may_be_stated_with_both_in_hand(
    pair: dict[str, Any],
) -> None:
    both = [passage for article in pair["articles"] for passage in demo_passages()[article]]
    passed = [s for s in pair["statements"] if VERIFIER.verify(s, both, pair["question"]).supported]
    assert passed == []
