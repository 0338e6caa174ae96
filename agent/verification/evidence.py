"""What a passage says, as units: one sentence, list item or table row each, with its context."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache

from markdown_it import MarkdownIt
from markdown_it.token import Token

from agent.verification.quantities import Quantity, read_quantities
from agent.verification.sentences import split_sentences
from agent.verification.words import Word, content_stems, read_words
from knowledge_base.articles import Passage

# Text that speaks to a machine instead of a customer is never evidence, wherever it stands.
ADDRESSED_TO_MACHINE = re.compile(
    r"(?i)\b(?:ignore|disregard|forget|override)\b.{0,40}\b(?:instruction|rule|prompt|polic|guideline)"
    r"|\b(?:system prompt|as an ai|you are now|language model|chatbot|ai assistant)\b"
)
# A block quote in the first person, or in quotation marks, is an example; else it is a note.
SOMEBODY_SPEAKS = re.compile(r"(?i)^[\s\"“«„*]*[\"“«„]|\b(?:I|me|my|please|I[’']m|I[’']ve)\b|\bdear\b|!")
# What is quoted is somebody else's word: an example message, a review, a scam.
QUOTED = re.compile(r"[\"“«„]([^\"”»“]{15,})[\"”»“]")


@dataclass(frozen=True)
class Unit:
    """The smallest part of a passage that states something by itself.

    `text` is the passage's own wording without markup; `context` is what governs it: title,
    headings, the line that leads a list in.
    """

    text: str
    context: str
    passage_id: str
    quotable: bool = field(default=True)

    @cached_property
    def words(self) -> tuple[Word, ...]:
        return read_words(QUOTED.sub(" ", self.text))

    @cached_property
    def stems(self) -> frozenset[str]:
        return content_stems(self.words)

    @cached_property
    def context_stems(self) -> frozenset[str]:
        return content_stems(read_words(self.context))

    @cached_property
    def quantities(self) -> tuple[Quantity, ...]:
        return read_quantities(self.text) + read_quantities(self.context)


_MARKDOWN = MarkdownIt("commonmark").enable("table")


@lru_cache(maxsize=512)
def read_units(passage: Passage) -> tuple[Unit, ...]:
    """Return the units of a passage in order, those addressed to a machine left out."""
    above = " ".join((passage.title, *passage.heading_path))
    units = _walk(_MARKDOWN.parse(passage.text), above, passage.id)
    return tuple(unit for unit in units if not ADDRESSED_TO_MACHINE.search(unit.text))


def read_title(passage: Passage) -> Unit:
    """Return the passage's title and headings as a unit: they state facts too."""
    return Unit(" ".join((passage.title, *passage.heading_path)), "", passage.id, quotable=False)


def _walk(tokens: Sequence[Token], above: str, passage_id: str) -> Iterator[Unit]:
    heading, lead, header, cells = "", "", [], []
    block, in_list, in_header, in_quote = "", 0, False, 0
    for token in tokens:
        if token.type in {"bullet_list_open", "ordered_list_open"}:
            in_list += 1
        elif token.type in {"bullet_list_close", "ordered_list_close"}:
            in_list -= 1
        elif token.type == "blockquote_open":
            in_quote += 1
        elif token.type == "blockquote_close":
            in_quote -= 1
        elif token.type in {"heading_open", "paragraph_open", "th_open", "td_open"}:
            block = token.type
        elif token.type == "thead_open":
            header, in_header = [], True
        elif token.type == "thead_close":
            in_header = False
        elif token.type == "tr_open":
            cells = []
        elif token.type == "tr_close" and not in_header:
            yield _row(header, cells, f"{above} {heading} {lead}", passage_id)
        elif token.type in {"fence", "code_block"}:
            yield Unit(token.content.strip(), f"{above} {heading} {lead}", passage_id)
        elif token.type == "inline":
            text = plain_text(token)
            if in_quote and SOMEBODY_SPEAKS.search(text):
                continue
            if block == "heading_open":
                heading, lead = text, ""
            elif block == "th_open":
                header.append(text)
            elif block == "td_open":
                cells.append(text)
            else:
                governing = f"{above} {heading} {lead if in_list else ''}"
                yield from _sentences(text, governing, passage_id)
                lead = lead if in_list else _lead_in(text)


def _sentences(text: str, context: str, passage_id: str) -> Iterator[Unit]:
    for sentence in split_sentences(text):
        yield Unit(sentence, context, passage_id, quotable=not sentence.endswith(":"))


def _lead_in(text: str) -> str:
    sentences = split_sentences(text)
    return sentences[-1] if sentences and text.rstrip().endswith(":") else ""


def _row(header: Sequence[str], cells: Sequence[str], context: str, passage_id: str) -> Unit:
    named = [
        f"{name}: {cell}" if name else cell
        for name, cell in zip(header, cells, strict=False)
        if cell.strip()
    ]
    return Unit("; ".join(named), context, passage_id)


def plain_text(inline: Token) -> str:
    """Return an inline token's text as a reader sees it, a link's address in brackets behind it."""
    parts: list[str] = []
    address = ""
    for child in inline.children or []:
        if child.type in {"text", "code_inline"}:
            parts.append(child.content)
        elif child.type in {"softbreak", "hardbreak"}:
            parts.append("\n" if child.type == "hardbreak" else " ")
        elif child.type == "link_open":
            address = str(child.attrGet("href") or "")
        elif child.type == "link_close" and address.startswith(("http", "mailto:")):
            parts.append(f" ({address.removeprefix('mailto:')})")
    return "".join(parts)
