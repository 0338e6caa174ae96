"""Articles into passages: by section, by block, and never in the middle of a table's row."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from markdown_it import MarkdownIt
from markdown_it.token import Token
from semantic_text_splitter import MarkdownSplitter

from knowledge_base.articles import Article, Passage

VERSION = "2"
MAX_TOKENS = 200
MIN_TOKENS = 40
_MARKDOWN = MarkdownIt("commonmark").enable("table")

CountTokens = Callable[[str], int]


@dataclass(frozen=True, slots=True)
class Section:
    """The blocks under one heading, as Markdown; `heading` is its line, empty before the first."""

    heading_path: tuple[str, ...]
    heading: str = ""
    blocks: list[str] = field(default_factory=list)


def split(
    article: Article,
    count: CountTokens,
    max_tokens: int = MAX_TOKENS,
    min_tokens: int = MIN_TOKENS,
) -> list[Passage]:
    """Return the article's passages in order, each of at most `max_tokens` of its text.

    Sections below `min_tokens` join a neighbour under the same parent; their headings then stand
    in the text. A table that is split repeats its header, a block of code its fences. Only where
    these alone, or a single character, take more than `max_tokens` is a passage longer.
    """
    sections = _merge(_read_sections(article), count, max_tokens, min_tokens)
    texts = [
        (section.heading_path, text)
        for section in sections
        for text in _pack(section.blocks, count, max_tokens)
    ]
    return [
        Passage(f"{article.id}#{place}", article.id, article.title, path, text, article.audience)
        for place, (path, text) in enumerate(texts)
    ]


def _read_sections(article: Article) -> list[Section]:
    # Lines as the parser counts them: str.splitlines would also break at form feeds and the like.
    text = re.sub(r"\r\n?", "\n", article.text)
    lines, done = text.split("\n"), 0
    sections = [Section(())]
    open_headings: list[tuple[int, str]] = []
    tokens = _MARKDOWN.parse(text)
    for place, token in enumerate(tokens):
        if token.level or token.nesting < 0 or token.map is None:
            continue
        start, end = token.map
        # Link definitions leave no token, but a reader of the passage may need them.
        sections[-1].blocks.extend(_read_block(lines[done:start]))
        done = end
        if token.type == "heading_open":
            depth = int(token.tag[1:])
            open_headings = [kept for kept in open_headings if kept[0] < depth]
            open_headings.append((depth, _heading_text(tokens[place + 1])))
            path = tuple(text for _, text in open_headings)
            line = f"{'#' * depth} {_join_lines(tokens[place + 1].content)}"
            sections.append(Section(path[1:] if path[:1] == (article.title,) else path, line))
        else:
            sections[-1].blocks.extend(_read_block(lines[start:end]))
    sections[-1].blocks.extend(_read_block(lines[done:]))
    return _drop_empty(sections)


def _read_block(lines: Sequence[str]) -> Iterator[str]:
    block = "\n".join(lines).rstrip()
    if block.strip():
        yield block.lstrip("\n")


def _join_lines(text: str) -> str:
    return " ".join(text.split("\n"))


def _heading_text(inline: Token) -> str:
    kinds = {"text": None, "code_inline": None, "image": None, "softbreak": " ", "hardbreak": " "}
    parts = [kinds[c.type] or c.content for c in inline.children or [] if c.type in kinds]
    return "".join(parts).strip()


def _drop_empty(sections: Sequence[Section]) -> list[Section]:
    """Leave out sections of nothing but a heading, unless nothing below it carries the heading."""
    kept = []
    for section, after in pairwise([*sections, Section(())]):
        depth = len(section.heading_path)
        below = len(after.heading_path) > depth and after.heading_path[:depth]
        if section.blocks:
            kept.append(section)
        elif section.heading_path and below != section.heading_path:
            kept.append(Section(section.heading_path[:-1], "", [section.heading]))
    return kept


def _merge(
    sections: Sequence[Section], count: CountTokens, max_tokens: int, min_tokens: int
) -> list[Section]:
    merged: list[Section] = []
    for section in sections:
        both = _join(merged[-1], section) if merged else None
        if (
            both
            and _size(both, count) <= max_tokens
            and min(_size(merged[-1], count), _size(section, count)) < min_tokens
        ):
            merged[-1] = both
        else:
            merged.append(section)
    return merged


def _join(first: Section, second: Section) -> Section | None:
    """Return two sections as one of their parent's, None if they have no parent in common."""
    parent = second.heading_path[:-1]
    below = [second.heading, *second.blocks]
    if second.heading and first.heading_path == parent:
        return Section(parent, first.heading, [*first.blocks, *below])
    if second.heading and first.heading and first.heading_path[:-1] == parent:
        return Section(parent, "", [first.heading, *first.blocks, *below])
    return None


def _size(section: Section, count: CountTokens) -> int:
    return count("\n\n".join(section.blocks))


def _pack(blocks: Sequence[str], count: CountTokens, max_tokens: int) -> Iterator[str]:
    """Join blocks into texts as long as they fit."""
    held = ""
    for block in (part for whole in blocks for part in _fit(whole, count, max_tokens)):
        joined = f"{held}\n\n{block}" if held else block
        if held and count(joined) > max_tokens:
            yield held
            held = block
        else:
            held = joined
    if held:
        yield held


def _fit(block: str, count: CountTokens, max_tokens: int) -> Iterator[str]:
    if count(block) <= max_tokens:
        yield block
        return
    lines = block.split("\n")
    token = next(iter(_MARKDOWN.parse(block)), None)
    if token and token.type == "table_open":
        yield from _split_lines(lines[2:], _Frame(lines[:2], []), count, max_tokens)
    elif token and token.type == "fence":
        closed = len(lines) > 1 and lines[-1].strip().startswith(token.markup)
        inner = lines[1:-1] if closed else lines[1:]
        yield from _split_lines(inner, _Frame(lines[:1], [token.markup]), count, max_tokens)
    else:
        yield from _split_text(block, count, max_tokens)


@dataclass(frozen=True, slots=True)
class _Frame:
    """The lines that stand around each part of a block: a table's header, a block's fences."""

    above: list[str]
    below: list[str]

    def wrap(self, lines: Sequence[str]) -> str:
        return "\n".join([*self.above, *lines, *self.below])


def _split_lines(
    lines: Sequence[str], frame: _Frame, count: CountTokens, max_tokens: int
) -> Iterator[str]:
    room = max_tokens - count(frame.wrap([]))
    if room < max_tokens // 4:  # hardly anything but the frame would be repeated
        yield from _split_text(frame.wrap(lines), count, max_tokens)
        return
    held: list[str] = []
    for line in (part for whole in lines for part in _fit_line(whole, count, room)):
        if held and count(frame.wrap([*held, line])) > max_tokens:
            yield frame.wrap(held)
            held = []
        held.append(line)
    yield frame.wrap(held)


def _fit_line(line: str, count: CountTokens, room: int) -> Iterator[str]:
    if count(line) <= room:
        yield line
    else:
        yield from _split_text(line, count, room)


def _split_text(text: str, count: CountTokens, max_tokens: int) -> Iterator[str]:
    yield from MarkdownSplitter.from_callback(count, max_tokens).chunks(text)
