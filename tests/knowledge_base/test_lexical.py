from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge_base.articles import Passage
from knowledge_base.lexical import LexicalIndex, read_terms

TEXTS = [
    "Refunds go back to the card you paid with.",
    "Children are welcome as guests together with adults.",
    "You can bring your own towels and linen.",
    "Гости могут отменить бронирование.",
]
PASSAGES = [Passage(f"a#{i}", "a", "Help", (), text) for i, text in enumerate(TEXTS)]
ALL = np.ones(len(TEXTS), np.bool_)


@pytest.fixture
def index() -> LexicalIndex:
    return LexicalIndex.build(PASSAGES)


@pytest.mark.parametrize(
    ("question", "place"),
    [("refunding my cards", 0), ("can children come", 1), ("linens?", 2), ("бронирование", 3)],
)
def test_the_passage_with_the_words_scores_highest(
    index: LexicalIndex, question: str, place: int
) -> None:
    assert int(np.argmax(index.score(question, ALL))) == place


def test_what_is_not_allowed_scores_nothing(index: LexicalIndex) -> None:
    allowed = np.array([False, True, True, True])
    assert index.score("refunds to my card", allowed)[0] == 0


def test_title_and_headings_count_as_words_of_the_passage() -> None:
    passages = [Passage("a#0", "a", "Pets", ("Dogs",), "Ask first."), PASSAGES[0]]
    scores = LexicalIndex.build(passages).score("dogs", np.ones(2, np.bool_))
    assert scores[0] > scores[1] == 0


def test_a_word_that_stands_nowhere_leaves_coverage_low(index: LexicalIndex) -> None:
    assert index.cover("can I bring my dog", PASSAGES[2]) < 0.5
    assert index.cover("can I bring my towels", PASSAGES[2]) == pytest.approx(1)
    assert index.cover("can I bring my dog", PASSAGES[0]) == 0


def test_a_question_of_stop_words_covers_nothing(index: LexicalIndex) -> None:
    assert index.cover("what is it and how do you", PASSAGES[0]) == 0
    assert not index.score("what is it", ALL).any()


def test_it_is_the_same_when_loaded(index: LexicalIndex, tmp_path: Path) -> None:
    index.save(tmp_path)
    loaded = LexicalIndex.load(tmp_path)
    for question in ("refund card", "dog", "", "бронирование"):
        np.testing.assert_array_equal(loaded.score(question, ALL), index.score(question, ALL))
        assert loaded.cover(question, PASSAGES[0]) == index.cover(question, PASSAGES[0])


@pytest.mark.parametrize("texts", [[], ["", "!!!"]])
def test_an_index_without_words_finds_nothing(texts: list[str], tmp_path: Path) -> None:
    passages = [Passage(f"a#{i}", "a", "", (), text) for i, text in enumerate(texts)]
    LexicalIndex.build(passages).save(tmp_path)
    scores = LexicalIndex.load(tmp_path).score("refund", np.ones(len(texts), np.bool_))
    assert scores.shape == (len(texts),)
    assert not scores.any()


@given(st.text())
def test_any_text_has_terms_and_a_coverage_between_0_and_1(text: str) -> None:
    index = LexicalIndex.build(PASSAGES)
    read_terms(text)
    assert index.score(text, ALL).shape == (len(TEXTS),)
    assert all(0 <= index.cover(text, passage) <= 1 for passage in PASSAGES)
