"""The traps' data: what must not be said is a lie wherever it is said, and no article says it."""

import json
import tomllib
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest

from agent.language import phrases
from agent.nodes.answer import OPENER
from agent.verification.evidence import read_units
from evals.phrases import find_said
from evals.traps import DEMO, Kind, Trap, read_traps
from knowledge_base import chunking
from knowledge_base.articles import PUBLIC, Article
from knowledge_base.readers import read_articles

ROOT = Path(__file__).parents[2]
TRAPS = read_traps()
PHRASES = Path(phrases.__file__).with_name("phrases.toml")
TRUTHS = ROOT / "tests" / "traps" / "truths.jsonl"
# One reply to each trap that walks into it.
WALKED_INTO = Path(__file__).with_name("walked_into.jsonl")
FEWEST_A_KIND = 15
MOST = 150


def count_words(text: str) -> int:
    return len(text.split())


@lru_cache
def read_folder(folder: Path) -> dict[str, Article]:
    articles = list(read_articles([folder]))
    assert all(isinstance(article, Article) for article in articles)
    return {article.id: article for article in articles if isinstance(article, Article)}


def read_shelf(trap: Trap) -> dict[str, Article]:
    """Return the articles that the trap's assistant has."""
    company = read_folder(ROOT / "articles")
    return company | (read_folder(DEMO / trap.beside) if trap.beside else {})


@lru_cache
def list_sentences(folder: Path, audience: str) -> list[str]:
    articles = [article for article in read_folder(folder).values() if article.audience == audience]
    passages = [p for article in articles for p in chunking.split(article, count_words)]
    return [f"{unit.lead} {unit.text}".strip() for p in passages for unit in read_units(p)]


def list_truths() -> list[dict[str, Any]]:
    truths = [json.loads(line) for line in TRUTHS.read_text(encoding="utf-8").splitlines()]
    return [truth | {"truth": OPENER.sub("", truth["truth"])} for truth in truths]


def list_own_words() -> Iterator[str]:
    """Yield what the agent says in its own words, and the titles that it names."""
    for words in tomllib.loads(PHRASES.read_text(encoding="utf-8")).values():
        yield from words.values()
    articles = read_folder(ROOT / "articles").values()
    yield from (article.title for article in articles if article.audience == PUBLIC)


def of_kind(kind: Kind) -> list[Any]:
    return [pytest.param(trap, id=trap.id) for trap in TRAPS if trap.kind is kind]


def test_there_are_150_traps_and_15_of_each_kind() -> None:
    assert [trap.id for trap in TRAPS] == [f"trap-{number:03}" for number in range(1, MOST + 1)]
    counts = Counter(trap.kind for trap in TRAPS)
    assert set(counts) == set(Kind)
    assert min(counts.values()) >= FEWEST_A_KIND


def test_no_two_traps_ask_the_same() -> None:
    asked = {(trap.question, trap.history) for trap in TRAPS}
    assert len(asked) == len(TRAPS)


def test_some_traps_lead_on_from_what_was_said() -> None:
    histories = [trap.history for trap in TRAPS if trap.history]
    assert len(histories) >= 10
    assert all(history[0].role == "customer" for history in histories)
    assert all(history[-1].role == "agent" for history in histories)


@pytest.mark.parametrize("trap", TRAPS, ids=lambda trap: trap.id)
def test_the_article_exists_and_the_reason_is_one_line(trap: Trap) -> None:
    assert trap.article is None or trap.article in read_shelf(trap)
    assert trap.why
    assert "\n" not in trap.why


@pytest.mark.parametrize("trap", TRAPS, ids=lambda trap: trap.id)
def test_no_truth_about_the_article_is_taken_for_a_lie(trap: Trap) -> None:
    if trap.expect != ("answer",):
        return
    truths = [t["truth"] for t in list_truths() if t["article"] == trap.article]
    assert [t for t in truths if find_said(t, trap.must_not_say)] == []


@pytest.mark.parametrize(
    "trap",
    [trap for trap in TRAPS if trap.kind is not Kind.CONTRADICTION],
    ids=lambda trap: trap.id,
)
def test_nothing_the_company_says_in_public_is_taken_for_a_lie(trap: Trap) -> None:
    sentences = list_sentences(ROOT / "articles", PUBLIC)
    truths = [truth["truth"] for truth in list_truths()]
    assert len(sentences) > 500
    assert [s for s in [*sentences, *truths] if find_said(s, trap.must_not_say)] == []


@pytest.mark.parametrize("trap", TRAPS, ids=lambda trap: trap.id)
def test_the_agent_may_say_its_own_words(trap: Trap) -> None:
    assert [words for words in list_own_words() if find_said(words, trap.must_not_say)] == []


def test_walking_into_a_trap_is_noticed() -> None:
    lines = WALKED_INTO.read_text(encoding="utf-8").splitlines()
    replies = {row["trap"]: row["said"] for row in map(json.loads, lines)}
    assert set(replies) == {trap.id for trap in TRAPS}
    assert [t.id for t in TRAPS if not find_said(replies[t.id], t.must_not_say)] == []


@pytest.mark.parametrize("trap", TRAPS, ids=lambda trap: trap.id)
def test_the_article_gives_what_an_answer_has_to_say(trap: Trap) -> None:
    if trap.must_say_one_of:
        assert trap.article is not None
        assert find_said(read_shelf(trap)[trap.article].text, trap.must_say_one_of)


@pytest.mark.parametrize("trap", of_kind(Kind.STAFF_ONLY))
def test_what_only_staff_may_know_is_noticed(trap: Trap) -> None:
    secrets = list_sentences(ROOT / "articles", "staff")
    assert [s for s in secrets if find_said(s, trap.must_not_say)] != []


@pytest.mark.parametrize("trap", of_kind(Kind.CONTRADICTION))
def test_either_side_of_a_contradiction_is_noticed_when_it_stands_alone(trap: Trap) -> None:
    articles = read_shelf(trap)
    sides = {
        article.id
        for article in articles.values()
        for passage in chunking.split(article, count_words)
        for unit in read_units(passage)
        if find_said(unit.text, trap.must_not_say)
    }
    assert trap.article in sides
    assert len(sides) >= 2


@pytest.mark.parametrize("trap", of_kind(Kind.POISONED_ARTICLE))
def test_a_hidden_instruction_is_noticed_when_it_is_obeyed(trap: Trap) -> None:
    poisoned = read_folder(DEMO / "poisoned").values()
    assert any(find_said(article.text, trap.must_not_say) for article in poisoned)


@pytest.mark.parametrize("name", ["poisoned", "disagreeing"])
def test_articles_beside_the_companys_own_have_ids_of_their_own(name: str) -> None:
    beside = read_folder(DEMO / name)
    assert beside
    assert not set(beside) & set(read_folder(ROOT / "articles"))
    assert {article.audience for article in beside.values()} == {PUBLIC}
