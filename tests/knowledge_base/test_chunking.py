import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from knowledge_base import chunking
from knowledge_base.articles import STAFF, Article, Passage
from knowledge_base.embedding import SentenceTransformerEmbedder


def count_words(text: str) -> int:
    return len(re.findall(r"\w+|[^\w\s]", text))


def split(text: str, max_tokens: int = 30, min_tokens: int = 0, title: str = "T") -> list[Passage]:
    article = Article("a", title, text, STAFF)
    return chunking.split(article, count_words, max_tokens, min_tokens)


def paths(passages: list[Passage]) -> list[tuple[str, ...]]:
    return [passage.heading_path for passage in passages]


def test_passages_are_numbered_and_carry_what_the_article_says_of_itself() -> None:
    passages = split("one\n\n## A\n\ntwo")
    assert passages == [
        Passage("a#0", "a", "T", (), "one", STAFF),
        Passage("a#1", "a", "T", ("A",), "two", STAFF),
    ]


def test_the_heading_path_follows_the_levels() -> None:
    text = "# A\n\n1\n\n## B\n\n2\n\n#### C\n\n3\n\n## D\n\n4\n\nE\n=\n\n5\n\nF\n-\n\n6"
    assert paths(split(text)) == [
        ("A",), ("A", "B"), ("A", "B", "C"), ("A", "D"), ("E",), ("E", "F"),
    ]  # fmt: skip


def test_the_title_is_not_repeated_in_the_heading_path() -> None:
    assert paths(split("# Fees\n\n1\n\n## Cards\n\n2", title="Fees")) == [(), ("Cards",)]


def test_headings_are_read_as_plain_text() -> None:
    text = "## The *big* `fee` [table](x.md)\n\n1\n\nTwo\nlines\n---\n\n2"
    assert paths(split(text)) == [("The big fee table",), ("Two lines",)]


@pytest.mark.parametrize(
    "text", ["```\n# no\n## heading\n```", "    # no heading", "- # no\n- b", "> # no"]
)
def test_what_looks_like_a_heading_in_a_block_is_none(text: str) -> None:
    assert split(text) == [Passage("a#0", "a", "T", (), text, STAFF)]


def test_a_heading_over_nothing_is_kept() -> None:
    assert split("## Is it free?") == [Passage("a#0", "a", "T", (), "## Is it free?", STAFF)]
    assert paths(split("## A\n\n### B\n\ntext")) == [("A", "B")]


@pytest.mark.parametrize("odd", ["\x0c", "\x0b", "\x1c", "\x85", "\u2028", "\r\n", "\r"])
def test_odd_line_ends_lose_nothing(odd: str) -> None:
    words = " ".join(p.text for p in split(f"one{odd}two{odd}three\n\n## A\n\nfour")).split()
    assert words[-1] == "four"
    assert {"one", "two", "three"} <= set(" ".join(words).replace(odd, " ").split())


def test_link_definitions_are_kept() -> None:
    link = "[x]: https://x.example"
    for text in (f"See [x].\n\n{link}\n", f"See [x].\n\n{link}\n\n## A\n\ntext"):
        assert link in split(text)[0].text


def test_a_table_that_is_split_repeats_its_header() -> None:
    rows = [f"| row{i} | {i} |" for i in range(30)]
    passages = split("\n".join(["| Name | Fee |", "| --- | --- |", *rows]), 40)
    assert len(passages) > 3
    assert all(p.text.startswith("| Name | Fee |\n| --- | --- |\n| row") for p in passages)
    assert [row for p in passages for row in p.text.split("\n")[2:]] == rows


def test_code_is_kept_whole_where_it_fits() -> None:
    code = "```python\ndef pay():\n    return 5\n```"
    assert code in [p.text for p in split(f"{'word ' * 25}\n\n{code}\n\n{'word ' * 25}")]


def test_code_that_does_not_fit_is_split_between_lines_and_fenced_again() -> None:
    lines = [f"    line{i} = {i}" for i in range(40)]
    passages = split("\n".join(["~~~sh", *lines, "~~~"]))
    assert all(p.text.startswith("~~~sh\n") and p.text.endswith("\n~~~") for p in passages)
    assert [line for p in passages for line in p.text.split("\n")[1:-1]] == lines


def test_tiny_sections_under_one_parent_become_one_passage() -> None:
    passages = split("## Fees\n\n### A\n\none\n\n### B\n\ntwo\n\n### C\n\nthree", 30, 10)
    assert passages == [
        Passage("a#0", "a", "T", ("Fees",), "### A\n\none\n\n### B\n\ntwo\n\n### C\n\nthree", STAFF)
    ]


def test_a_tiny_opening_joins_the_section_below_it() -> None:
    (passage,) = split("Only for adults.\n\n## Limits\n\nYou must be 18.", 30, 10)
    assert passage.heading_path == ()
    assert passage.text == "Only for adults.\n\n## Limits\n\nYou must be 18."


def test_sections_that_are_long_enough_stay_apart() -> None:
    section = "word " * 12
    assert paths(split(f"## A\n\n{section}\n\n## B\n\n{section}", 60, 10)) == [("A",), ("B",)]


def test_sections_of_different_parents_stay_apart() -> None:
    text = "## A\n\n### B\n\none\n\n## C\n\n### D\n\ntwo"
    assert paths(split(text, 30, 10)) == [("A", "B"), ("C", "D")]


@pytest.mark.parametrize("text", ["", " \n\n ", "---", "[a]: <>", "\x00", "|", "```"])
def test_odd_texts_do_no_harm(text: str) -> None:
    assert len(split(text, 3)) <= 2


NUMBERED = st.lists(
    st.sampled_from(
        ["heading", "paragraph", "list", "table", "code", "quote", "html", "long", "setext"]
    ),
    max_size=12,
)


def make_block(kind: str, words: list[str], depth: int) -> str:
    a, b, c, d = words
    return {
        "heading": f"{'#' * depth} {a} {b} {c} {d}",
        "setext": f"{a} {b}\n{c} {d}\n---",
        "paragraph": f"{a} {b}\n{c}, *{d}*.",
        "list": f"- {a}\n  - {b}\n- {c}\n\n1. {d}",
        "table": f"| head | head |\n| --- | --- |\n| {a} | {b} |\n| {c} | {d} |",
        "code": f"```\n# {a}\n  {b}\n{c}\n\n{d}\n```",
        "quote": f"> {a} {b}\n> # {c}\n> {d}",
        "html": f"<div>{a}\n{b}</div>\n<p>{c} {d}</p>",
        "long": f"{a} {b}. " + "filler " * 40 + f"{c} {d}.",
    }[kind]


@st.composite
def make_texts(draw: st.DrawFn) -> tuple[str, list[str]]:
    kinds = draw(NUMBERED)
    words = [[f"w{4 * i + j:03}" for j in range(4)] for i in range(len(kinds))]
    depths = draw(st.lists(st.integers(1, 6), min_size=len(kinds), max_size=len(kinds)))
    blocks = map(make_block, kinds, words, depths)
    return "\n\n".join(blocks), [word for block in words for word in block]


@given(make_texts(), st.integers(12, 80), st.sampled_from([0, 8, 20]))
@settings(max_examples=300, deadline=None)
def test_no_word_is_lost_order_is_kept_and_sizes_are_kept(
    made: tuple[str, list[str]], max_tokens: int, min_tokens: int
) -> None:
    text, words = made
    passages = split(text, max_tokens, min_tokens)
    read: list[str] = []
    for passage in passages:
        above = [word for name in passage.heading_path for word in re.findall(r"w\d{3}", name)]
        read += [word for word in above if word not in read]
        read += re.findall(r"w\d{3}", passage.text)
    assert read == words
    assert all(count_words(passage.text) <= max_tokens for passage in passages)
    assert [passage.id for passage in passages] == [f"a#{i}" for i in range(len(passages))]


@given(st.text(alphabet="ab \n#-=|`>*[]:()\t\x0c\r\u2028", max_size=200), st.integers(4, 30))
@settings(max_examples=300, deadline=None)
def test_no_letter_of_any_text_is_lost(text: str, max_tokens: int) -> None:
    passages = split(text, max_tokens)
    kept = "".join("".join((*p.heading_path, p.text)) for p in passages)
    for letter in "ab":
        assert kept.count(letter) >= text.count(letter)


@pytest.mark.embedder
def test_the_real_tokenizer_keeps_the_size(real_embedder: SentenceTransformerEmbedder) -> None:
    text = "## Überweisung\n\n" + "Donaudampfschifffahrtsgesellschaft 日本語 🙂 " * 200
    article = Article("a", "T", text)
    passages = chunking.split(article, real_embedder.count_tokens)
    assert len(passages) > 5
    assert all(real_embedder.count_tokens(p.text) <= chunking.MAX_TOKENS for p in passages)
