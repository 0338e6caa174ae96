"""What a passage says, as units: one sentence, list item or table row each, with its context."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache

from markdown_it import MarkdownIt
from markdown_it.token import Token

from agent.verification.instructions import is_instruction
from agent.verification.quantities import Quantity, read_quantities
from agent.verification.sentences import split_sentences
from agent.verification.words import Word, content_stems, read_words
from knowledge_base.articles import Passage

# A block quote in the first person, or in quotation marks, is an example; else it is a note.
SOMEBODY_SPEAKS = re.compile(
    r"(?i)^[\s\"“«„*]*[\"“«„]|\b(?:I|me|my|please|I[’']m|I[’']ve)\b|\bdear\b|!"
)
# «See …», «explained in …» only point at another article: they answer nothing.
POINTS_ELSEWHERE = re.compile(
    r"^(?:See|Read|For more|For details|More (?:in|about|on)|Find out)\b"
    r"|\b(?:explained|described|listed) in [A-Z“\"]|[,:] (?:see|read) [A-Z“]"
)
# «[value not available]», «[date_issued]»: nobody filled these in. «[text](link)» is none.
PLACEHOLDER = re.compile(
    r"(?i)\[(?!\d+\])[a-z][^\[\]]*\](?!\()|\{\{.*?\}\}|<(?:insert|your)[^<>]*>|\b(?:TBD|XXX+)\b"
)
# What is quoted is somebody else's word: an example message, a review, a scam.
QUOTED = re.compile(r"[\"“«„]([^\"”»“]{15,})[\"”»“]")


@dataclass(frozen=True)
class Unit:
    """The smallest part of a passage that states something by itself.

    `text` is the passage's own wording without markup; `context` is what governs it: title,
    headings, the line that leads a list in. `lead` is that line alone: an item without it may
    mean the opposite. `heading` is the one in the passage's text that it stands under.
    """

    text: str
    context: str
    passage_id: str
    quotable: bool = field(default=True)
    lead: str = ""
    heading: str = ""

    @cached_property
    def words(self) -> tuple[Word, ...]:
        """The words of the text, without what it quotes."""
        return read_words(QUOTED.sub(" ", self.text))

    @cached_property
    def stems(self) -> frozenset[str]:
        """The stems of the words that carry meaning."""
        return content_stems(self.words)

    @cached_property
    def context_stems(self) -> frozenset[str]:
        """The same of the context."""
        return content_stems(read_words(self.context))

    @cached_property
    def quantities(self) -> tuple[Quantity, ...]:
        """The quantities of text and context."""
        return read_quantities(self.text) + read_quantities(self.context)


_MARKDOWN = MarkdownIt("commonmark").enable("table")


@lru_cache(maxsize=512)
def read_units(passage: Passage) -> tuple[Unit, ...]:
    """Return the units of a passage in order, those addressed to a machine left out."""
    above = " ".join((passage.title, *passage.heading_path))
    units = _Walker(above, passage.id).walk(_MARKDOWN.parse(passage.text))
    return tuple(unit for unit in units if _is_evidence(unit.text))


def _is_evidence(text: str) -> bool:
    leads_in = text.endswith(":")
    useless = leads_in or POINTS_ELSEWHERE.search(text) or PLACEHOLDER.search(text)
    return not (useless or is_instruction(text))


def read_title(passage: Passage) -> Unit:
    """Return the passage's title and headings as a unit: they state facts too."""
    return Unit(" ".join((passage.title, *passage.heading_path)), "", passage.id, quotable=False)


class _Walker:
    """Goes through a passage's Markdown once, remembering what governs the text it comes to."""

    def __init__(self, above: str, passage_id: str) -> None:
        self._above = above
        self._passage_id = passage_id
        self._heading = ""
        self._lead = ""
        self._header: list[str] = []
        self._cells: list[str] = []
        self._open: list[str] = []

    def walk(self, tokens: Sequence[Token]) -> Iterator[Unit]:
        for token in tokens:
            if token.nesting == 1:
                self._enter(token.type)
            elif token.nesting == -1:
                yield from self._leave(token.type)
            elif token.type == "inline":
                yield from self._read(plain_text(token))
            elif token.type in {"fence", "code_block"}:
                yield self._make(token.content.strip())

    def _enter(self, kind: str) -> None:
        self._open.append(kind)
        if kind == "thead_open":
            self._header = []
        elif kind == "tr_open":
            self._cells = []

    def _leave(self, kind: str) -> Iterator[Unit]:
        self._open.pop()
        if kind == "tr_close" and "thead_open" not in self._open:
            named = zip(self._header, self._cells, strict=False)
            filled = [f"{name}: {cell}" if name else cell for name, cell in named if cell.strip()]
            yield self._make("; ".join(filled))

    def _read(self, text: str) -> Iterator[Unit]:
        block = self._open[-1]
        if "blockquote_open" in self._open and SOMEBODY_SPEAKS.search(text):
            return
        if block == "heading_open":
            self._heading, self._lead = text, ""
        elif block == "th_open":
            self._header.append(text)
        elif block == "td_open":
            self._cells.append(text)
        else:
            yield from self._read_prose(text)

    def _read_prose(self, text: str) -> Iterator[Unit]:
        in_list = "list_item_open" in self._open
        lead = self._lead if in_list else ""
        for sentence in split_sentences(text):
            context = f"{self._above} {self._heading} {lead}"
            yield Unit(sentence, context, self._passage_id, lead=lead, heading=self._heading)
        if not in_list:
            self._lead = _lead_in(text)

    def _make(self, text: str) -> Unit:
        context = f"{self._above} {self._heading} {self._lead}"
        return Unit(text, context, self._passage_id, heading=self._heading)


def _lead_in(text: str) -> str:
    sentences = split_sentences(text)
    return sentences[-1] if sentences and text.rstrip().endswith(":") else ""


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
