"""Articles into passages: by section, by block, and never in the middle of a table's row."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from markdown_it import MarkdownIt
from markdown_it.token import Token
from semantic_text_splitter import MarkdownSplitter

from knowledge_base.articles import Article, Passage

VERSION = "1"
MAX_TOKENS = 200
_MARKDOWN = MarkdownIt("commonmark").enable("table")

CountTokens = Callable[[str], int]


@dataclass(slots=True)
class Section:
    """The blocks under one heading, as Markdown."""

    heading_path: tuple[str, ...]
    blocks: list[str] = field(default_factory=list)


def split(article: Article, count: CountTokens, max_tokens: int = MAX_TOKENS) -> list[Passage]:
    """Return the article's passages in order, each of at most `max_tokens` of its text.

    A table that is split repeats its header. Only a single word longer than that goes over.
    """
    texts = [
        (section.heading_path, text)
        for section in _read_sections(article)
        for text in _pack(section.blocks, count, max_tokens)
    ]
    return [
        Passage(f"{article.id}#{place}", article.id, article.title, path, text, article.audience)
        for place, (path, text) in enumerate(texts)
    ]


def _read_sections(article: Article) -> list[Section]:
    lines = article.text.splitlines()
    sections = [Section(())]
    open_headings: list[tuple[int, str]] = []
    tokens = _MARKDOWN.parse(article.text)
    for place, token in enumerate(tokens):
        if token.level or token.nesting < 0 or token.map is None:
            continue
        if token.type == "heading_open":
            depth = int(token.tag[1:])
            open_headings = [kept for kept in open_headings if kept[0] < depth]
            open_headings.append((depth, _heading_text(tokens[place + 1])))
            path = tuple(text for _, text in open_headings)
            sections.append(Section(path[1:] if path[:1] == (article.title,) else path))
        else:
            sections[-1].blocks.append("\n".join(lines[token.map[0] : token.map[1]]).rstrip())
    return [section for section in sections if any(block.strip() for block in section.blocks)]


def _heading_text(inline: Token) -> str:
    return "".join(c.content for c in inline.children or [] if c.type in {"text", "code_inline"})


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
    elif _MARKDOWN.parse(block)[0].type == "table_open":
        yield from _split_table(block, count, max_tokens)
    else:
        yield from MarkdownSplitter.from_callback(count, max_tokens).chunks(block)


def _split_table(table: str, count: CountTokens, max_tokens: int) -> Iterator[str]:
    header, rows = table.splitlines()[:2], table.splitlines()[2:]
    held: list[str] = []
    for row in rows:
        if held and count("\n".join([*header, *held, row])) > max_tokens:
            yield "\n".join([*header, *held])
            held = []
        held.append(row)
    yield "\n".join([*header, *held])
