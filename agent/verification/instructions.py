"""Instructions hidden in articles: text that speaks to a machine, or that no person can see.

Whoever can write into an article, a review or a forum post could otherwise tell the agent what to
say. Such blocks are withheld as wholes: what follows a «note to AI assistants» belongs to it.
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import lru_cache

from markdown_it import MarkdownIt
from markdown_it.token import Token

from knowledge_base.articles import Passage

_MACHINE = (
    r"(?:language models?|LLMs?|chat ?bots?|AI (?:assistants?|agents?|models?|systems?)"
    r"|(?:automated|automatic|virtual|digital) (?:assistants?|agents?)"
    r"|KI-?(?:Assistent|Agent|Modell|System)\w*|(?:asistentes?|agentes?|modelos?) de IA"
    r"|(?:assistants?|agents?|modèles?) (?:d['’])?IA)"
)
_NOTE = (
    r"(?:note|message|notice|instructions?|update|attention|dear|hey|to"
    r"|hinweis\w*|nachricht|anweisung\w*|nota|aviso|mensaje|instrucci\w+|remarque|consignes?)"
)
# Others write about chatbots too: only what is said to them is withheld.
ADDRESSED_TO_MACHINE = re.compile(
    r"(?i)\b(?:ignore|disregard|forget|override)\b(?: \w+)?"
    r" (?:all|any|your|my|these|those|previous|prior|earlier|above|other)\b.{0,30}"
    r"\b(?:instruction|rule|prompt|polic|guideline)"
    r"|\b(?:system prompt|as an ai)\b|\byou are now (?:an? |the |in )?(?:\w+ ){0,3}"
    r"(?:assistant|bot|model|AI|mode|system|agent|employee|admin\w*|free of)\b"
    r"|(?:^|[.!?]\s)you are now an? \w+\s*[.!]"
    rf"|\b{_NOTE}\b[^.:]{{0,20}}\b{_MACHINE}(?:\s*[:,;]|\b[^.:]{{0,40}}:)"
    rf"|\bfor\b[^.:]{{0,15}}\b{_MACHINE}\b[^.:]{{0,50}}:"
    rf"|^\W*{_MACHINE}\s*[:,]"
    r"|\b(?:note|notice|message|instructions?|update|rules?)\b[^.:]{0,20}\b(?:for|to)"
    r" (?:all |any |the )?(?:AI |automated )?assistants?\b"
    r"|\bif you(?: are|['’]re) an? (?:\w+ ){0,2}"
    r"(?:assistant|language model|chat ?bot|AI agent|AI|LLM)\b"
    r"(?! (?:user|owner|developer|builder))[^.:]{0,60}[:,]"
    rf"|\b{_MACHINE} (?:must|should|have to|need to) (?:now |always |also )?"
    r"(?:follow|obey|say|answer|reply|tell|end every|claim)\b"
)
_ROLE_MARK = re.compile(
    r"(?m)^\W*(?:(?:BEGIN|END)(?: OF)? )?(?:SYSTEM|ASSISTANT)(?: PROMPT| MESSAGE)?\W*$"
    r"|<\|?/?(?:im_start|im_end|system|assistant)\b"
)
# Styles that keep text from people's eyes, in HTML inside of Markdown.
_UNSEEN = re.compile(
    r"(?i)<[^<>]*(?:display:\s*none|visibility:\s*hidden|opacity:\s*0(?![.\d])"
    r"|font-size:\s*[01](?:px|pt|em|%)?\s*[;\"']|(?<![-\w])color:\s*(?:#fff(?:fff)?\b|white\b)"
    r"|\shidden\b)[^<>]*>"
)
_COMMENT = re.compile(r"^\s*(?:<!--|\[(?://|comment|_)\]:)")
_WHOLE = frozenset({"fence", "code_block", "html_block", "inline"})
_MARKDOWN = MarkdownIt("commonmark").enable("table")


def is_instruction(text: str) -> bool:
    """Whether a block of text speaks to a machine, or is kept from people's eyes."""
    return any(p.search(text) for p in (ADDRESSED_TO_MACHINE, _ROLE_MARK, _UNSEEN))


@lru_cache(maxsize=1024)
def withhold(passage: Passage) -> Passage:
    """Return the passage without blocks that are instructions, and without comments."""
    lines = passage.text.splitlines()
    doomed = {i for i, line in enumerate(lines) if line.lstrip().startswith("[//]:")}
    for (start, end), text in _read_blocks(_MARKDOWN.parse(passage.text)):
        if is_instruction(text) or _COMMENT.match(text):
            doomed.update(range(start, end))
    if not doomed:
        return passage
    kept = (line for i, line in enumerate(lines) if i not in doomed)
    return replace(passage, text="\n".join(kept).strip())


def _read_blocks(tokens: Sequence[Token]) -> Iterator[tuple[tuple[int, int], str]]:
    """Yield each block's first line, the line behind it, and its text; a table's row is one."""
    texts: defaultdict[tuple[int, int], list[str]] = defaultdict(list)
    for token in tokens:
        if token.type in _WHOLE and token.map:
            texts[token.map[0], token.map[1]].append(token.content)
    for lines, parts in texts.items():
        yield lines, ": ".join(parts)
