"""What can be measured of a sentence against the passages in hand, each figure from 0 to 1.

The strict checks ask whether one unit states a sentence; these figures say how near it comes,
over all passages together: people's answers draw on several sentences, and in other words.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import pairwise
from math import log

from agent.verification.contrasts import CONDITION, CONDITION_END, find_strengthening, find_swaps
from agent.verification.evidence import QUOTED, Unit, read_title, read_units
from agent.verification.polarity import (
    DENIALS,
    NEGATORS,
    find_reversals,
    read_polarity,
    split_clauses,
)
from agent.verification.quantities import read_quantities, read_values
from agent.verification.words import Word, content_stems, read_words
from knowledge_base.articles import Passage

Stems = frozenset[str]

NEAREST = 4
BEST = 2
SHARED_START = 5
WINDOW = 4
FEWEST = 2
MOST = 3


@dataclass(frozen=True)
class Ground:
    """The passages in hand, read once for all the sentences of a reply."""

    passages: tuple[Passage, ...]

    @cached_property
    def units(self) -> tuple[Unit, ...]:
        """The units of all passages."""
        return tuple(unit for passage in self.passages for unit in read_units(passage))

    @cached_property
    def unit_stems(self) -> tuple[Stems, ...]:
        """The stems of each unit and its context."""
        return tuple(unit.stems | unit.context_stems for unit in self.units)

    @cached_property
    def passage_stems(self) -> tuple[Stems, ...]:
        """The stems of each passage, title and headings included."""
        return tuple(_read_stems(passage) for passage in self.passages)

    @cached_property
    def stems(self) -> Stems:
        """The stems of all passages."""
        return frozenset[str]().union(*self.passage_stems)

    @cached_property
    def starts(self) -> Stems:
        """The beginnings of all stems: «advis» and «advice» are akin."""
        return frozenset(stem[:SHARED_START] for stem in self.stems)

    @cached_property
    def neighbours(self) -> frozenset[tuple[str, str]]:
        """Pairs of stems that stand within a few words of each other."""
        return frozenset(pair for passage in self.passages for pair in _read_near(passage))

    @cached_property
    def words(self) -> Stems:
        """The stems of every word, content or not."""
        return frozenset(word.stem for text in self._texts for word in read_words(text))

    @cached_property
    def values(self) -> frozenset[float]:
        """Every number that is written anywhere."""
        return frozenset(value for text in self._texts for value in read_values(text))

    @property
    def _texts(self) -> Iterator[str]:
        return (" ".join((p.title, *p.heading_path, p.text)) for p in self.passages)

    @cached_property
    def _counts(self) -> Counter[str]:
        return Counter(stem for unit in self.units for stem in unit.stems)

    def rarity(self, stem: str) -> float:
        """Return how much a stem says: less, the more units have it."""
        return log(1 + (len(self.units) + 1) / (self._counts[stem] + 1))


@lru_cache(maxsize=64)
def read_ground(passages: tuple[Passage, ...]) -> Ground:
    """Return what the passages hold together, the same object for the same passages."""
    return Ground(passages)


def _read_stems(passage: Passage) -> Stems:
    units = (unit.stems | unit.context_stems for unit in read_units(passage))
    text = content_stems(read_words(QUOTED.sub(" ", passage.text)))
    return text.union(read_title(passage).stems, *units)


def _read_near(passage: Passage) -> Iterator[tuple[str, str]]:
    stems = [word.stem for word in read_words(passage.text) if word.is_content]
    for place, stem in enumerate(stems):
        for other in stems[place + 1 : place + 1 + WINDOW]:
            yield _pair(stem, other)


def _pair(one: str, other: str) -> tuple[str, str]:
    return (one, other) if one < other else (other, one)


def measure(text: str, passages: Sequence[Passage], asked: Stems, names: Stems) -> dict[str, float]:
    """Return the figures of a sentence.

    `asked` are the stems of the customer's question; `names` need not stand in any passage.
    """
    return dict(_Measured(text, read_ground(tuple(passages)), asked, names).figures())


class _Measured:
    """One sentence against its ground."""

    def __init__(self, text: str, ground: Ground, asked: Stems, names: Stems) -> None:
        self._text = text
        self._ground = ground
        self._names = names
        self._asked = asked - names
        self._words = read_words(text)
        self._order = [w.stem for w in self._words if w.is_content and w.stem not in names]
        self._stems = frozenset(self._order)
        self._clauses = [c for c in split_clauses(text) if len(_stems_of(c)) >= FEWEST] or [text]
        self._weights = {stem: ground.rarity(stem) for stem in self._stems}
        self._near = self._rank(self._stems)[:NEAREST]

    def figures(self) -> Iterator[tuple[str, float]]:
        yield from self._coverage()
        yield from self._joints()
        yield from self._literals()
        yield from self._polarity()
        yield from self._conditions()

    def _coverage(self) -> Iterator[tuple[str, float]]:
        ground, stems = self._ground, self._stems
        missing = stems - ground.stems
        strange = {stem for stem in missing if not self._is_akin(stem)}
        total = sum(self._weights.values()) or 1.0
        yield "held", 1 - _share(missing, stems)
        yield "held_akin", 1 - _share(strange, stems)
        yield "held_rare", 1 - sum(self._weights[stem] for stem in missing) / total
        yield "strange", min(len(strange), 5) / 5
        yield "strange_unasked", min(len(strange - self._asked), 5) / 5
        yield "strange_run", min(_longest_run([s in strange for s in self._order]), 5) / 5
        yield (
            "passage",
            max((_share(stems & held, stems) for held in ground.passage_stems), default=0.0),
        )
        yield "unit", max((_share(stems & held, stems) for held in ground.unit_stems), default=0.0)
        yield "two_units", _share(self._gather(2), stems)
        yield "three_units", _share(self._gather(3), stems)
        yield "asked", 1 - _share(self._asked - ground.stems, self._asked)

    def _is_akin(self, stem: str) -> bool:
        return len(stem) >= SHARED_START and stem[:SHARED_START] in self._ground.starts

    def _rank(self, stems: Stems) -> list[int]:
        scores = [
            sum(self._weights.get(stem, 1.0) for stem in stems & held)
            for held in self._ground.unit_stems
        ]
        return sorted(range(len(scores)), key=lambda place: -scores[place])

    def _gather(self, count: int) -> Stems:
        found: Stems = frozenset()
        for _ in range(count):
            if best := self._rank(self._stems - found)[:1]:
                found |= self._stems & self._ground.unit_stems[best[0]]
        return found

    def _joints(self) -> Iterator[tuple[str, float]]:
        yield "joints", self._joined(self._order)
        yield "clause", min(self._clause_held(c) for c in self._clauses)
        yield "clause_joints", min(self._joined(_order_of(c)) for c in self._clauses)
        known = [_pair(*p) in self._ground.neighbours for p in pairwise(self._order)]
        yield "loose_run", min(_longest_run([not k for k in known]), 6) / 6

    def _clause_held(self, clause: str) -> float:
        stems = _stems_of(clause) - self._names
        return 1 - _share(stems - self._ground.stems, stems)

    def _joined(self, order: Sequence[str]) -> float:
        pairs = [_pair(*pair) for pair in pairwise(order) if pair[0] != pair[1]]
        return sum(p in self._ground.neighbours for p in pairs) / len(pairs) if pairs else 1.0

    def _literals(self) -> Iterator[tuple[str, float]]:
        lost = read_values(self._text) - self._ground.values
        stated = [q for place in self._near for q in self._ground.units[place].quantities]
        misstated = [
            q for q in read_quantities(self._text) if not any(q.agrees_with(s) for s in stated)
        ]
        names = _read_names(self._words) - self._ground.words - self._names
        yield "number_lost", float(bool(lost))
        yield "number_misstated", float(bool(misstated))
        yield "name_lost", float(bool(names))
        yield "names_lost", min(len(names), MOST) / MOST

    def _polarity(self) -> Iterator[tuple[str, float]]:
        near = [self._ground.units[place] for place in self._near]
        denies = any(word.text.lower() in NEGATORS for word in self._words)
        denials = [{word.text.lower() for word in unit.words} & DENIALS for unit in near]
        said = read_polarity(self._text)
        yield "denial_alone", float(denies and not any(denials[:BEST]))
        yield "denial_far", float(denies and not any(denials))
        yield "denied_elsewhere", min(self._turned(said, near, denied=True), MOST) / MOST
        yield "affirmed_elsewhere", min(self._turned(said, near, denied=False), MOST) / MOST
        yield "reversed", self._count_reversals(near)
        yield "clause_reversed", max(self._clause_reversed(c) for c in self._clauses)
        words = [word for unit in near for word in (*unit.words, *read_words(unit.context))]
        yield "swapped", float(bool(find_swaps(self._words, words)))
        yield "stronger", float(bool(find_strengthening(self._words, words)))

    def _turned(
        self, said: dict[str, frozenset[bool]], near: Sequence[Unit], *, denied: bool
    ) -> int:
        only = frozenset({denied})
        return sum(
            all(denied not in read_polarity(unit.text).get(stem, ()) for unit in holding)
            for stem, ways in said.items()
            if ways == only and (holding := [unit for unit in near if stem in unit.stems])
        )

    def _count_reversals(self, near: Sequence[Unit]) -> float:
        if not near:
            return 0.0
        return min(len(find_reversals(self._text, near[0].text, near[0].context)), MOST) / MOST

    def _clause_reversed(self, clause: str) -> float:
        stems = _stems_of(clause)
        best = next(iter(self._rank(stems)), None)
        if best is None:
            return 0.0
        unit = self._ground.units[best]
        covered = _share(stems & unit.stems, stems)
        return covered if find_reversals(clause, unit.text, unit.context) else 0.0

    def _conditions(self) -> Iterator[tuple[str, float]]:
        found = [
            CONDITION_END.split(self._text[m.end() :])[0] for m in CONDITION.finditer(self._text)
        ]
        strange = [1 - self._clause_held(inside) for inside in found]
        loose = [1 - self._joined(_order_of(inside)) for inside in found]
        yield "condition_strange", max(strange, default=0.0)
        yield "condition_loose", max(loose, default=0.0)


def _stems_of(text: str) -> Stems:
    return content_stems(read_words(text))


def _order_of(text: str) -> list[str]:
    return [word.stem for word in read_words(text) if word.is_content]


def _share(part: frozenset[str] | set[str], whole: Stems) -> float:
    return len(part) / len(whole) if whole else 0.0


def _longest_run(flags: Sequence[bool]) -> int:
    longest = running = 0
    for flag in flags:
        running = running + 1 if flag else 0
        longest = max(longest, running)
    return longest


def _read_names(words: Sequence[Word]) -> Stems:
    """Return words written large inside the sentence, and acronyms wherever they stand."""
    return frozenset(
        word.stem
        for place, word in enumerate(words)
        if (place and word.text[:1].isupper() and word.is_content)
        or (word.text.isupper() and len(word.text) > 1)
    )
