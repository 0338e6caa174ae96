"""What an article said when it was cited, beside what it says now."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal

from agent.state import Source
from api.storage.article_use import CitingTurn, Version
from knowledge_base.articles import Passage


@dataclass(frozen=True, slots=True)
class Piece:
    """Words that stayed, went or came."""

    kind: Literal["same", "gone", "new"]
    text: str


@dataclass(frozen=True, slots=True)
class Change:
    """A passage that customers were answered from, in `turns`, and that reads otherwise now.

    `now` is the passage that has taken its place, None if nothing has; `pieces` lead from one to
    the other.
    """

    turns: tuple[CitingTurn, ...]
    source: Source
    version: int
    now: Passage | None
    pieces: tuple[Piece, ...]


def find_changes(
    turns: Sequence[CitingTurn], versions: Sequence[Version], passages: Sequence[Passage]
) -> list[Change]:
    """Return the passages cited in the turns that the article no longer has, each once.

    `versions` come newest first; `passages` are the current ones, none if the article is gone.
    """
    standing = {_normalise(passage.text) for passage in passages}
    article = _normalise(versions[0].text) if passages else ""
    cited: dict[str, list[tuple[CitingTurn, Source]]] = {}
    for turn in turns:
        for source in turn.sources:
            text = _normalise(source.text)
            if text not in standing and text not in article:
                cited.setdefault(text, []).append((turn, source))
    return [_compare(found, versions, passages) for found in cited.values()]


def _compare(
    found: Sequence[tuple[CitingTurn, Source]],
    versions: Sequence[Version],
    passages: Sequence[Passage],
) -> Change:
    turn, source = found[0]
    held = next((v.version for v in versions if v.stored_at <= turn.created_at), 1)
    if passages:
        # The article has changed since, so what was cited is of an older version than the newest,
        # even if the process that answered had not noticed yet.
        held = max(1, min(held, versions[0].version - 1))
    now = max(passages, key=lambda p: _liken(source.text, p.text), default=None)
    pieces = tuple(_tell_apart(source.text, now.text if now else ""))
    return Change(tuple(turn for turn, _ in found), source, held, now, pieces)


def _liken(one: str, other: str) -> float:
    return SequenceMatcher(None, one.split(), other.split(), autojunk=False).ratio()


def _tell_apart(old: str, new: str) -> Iterator[Piece]:
    before, after = old.split(), new.split()
    for kind, i, j, k, m in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if kind == "equal":
            yield Piece("same", " ".join(before[i:j]))
            continue
        if j > i:
            yield Piece("gone", " ".join(before[i:j]))
        if m > k:
            yield Piece("new", " ".join(after[k:m]))


def _normalise(text: str) -> str:
    return " ".join(text.split())
