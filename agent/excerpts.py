"""What the model reads of the passages in hand: each token of a prompt costs time."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace

from agent.nearness import Near, rank_units
from agent.ports import Encoder
from agent.verification.evidence import Unit, read_units
from knowledge_base.articles import Passage

# Characters of the sentences that are read beside the best passage.
ROOM = 300
# What stands beside a sentence may be its condition.
AROUND = 1


async def make_excerpts(
    encoder: Encoder, question: str, passages: Sequence[Passage]
) -> list[Passage]:
    """Return the best passage whole, and of the others the sentences nearest to the question.

    A passage that has none of these is left out. The best one is whole so that all who ask about
    it share the beginning of their prompts, whatever they ask.
    """
    others = passages[1:]
    kept = _choose(await rank_units(encoder, question, others), others)
    cut = (_cut(passage, kept) for passage in others)
    return [*passages[:1], *(passage for passage in cut if passage is not None)]


def _choose(ranked: Sequence[Near], passages: Sequence[Passage]) -> set[Unit]:
    """Return the nearest units, and what stands beside each, until there is no room."""
    beside = {unit: around for passage in passages for unit, around in _look_around(passage)}
    kept: set[Unit] = set()
    for near in ranked:
        if sum(len(unit.text) for unit in kept) >= ROOM:
            break
        kept.update(beside[near.unit])
    return kept


def _look_around(passage: Passage) -> Iterator[tuple[Unit, Sequence[Unit]]]:
    units = read_units(passage)
    for place, unit in enumerate(units):
        yield unit, units[max(0, place - AROUND) : place + AROUND + 1]


def _cut(passage: Passage, kept: Collection[Unit]) -> Passage | None:
    units = read_units(passage)
    left = [unit for unit in units if unit in kept]
    if not left:
        return None
    return passage if len(left) == len(units) else replace(passage, text="\n".join(_write(left)))


def _write(units: Sequence[Unit]) -> Iterator[str]:
    """Yield lines: each unit below its heading and the line that leads it in."""
    heading = lead = ""
    for unit in units:
        if unit.heading != heading:
            heading, lead = unit.heading, ""
            yield f"## {heading}"
        if unit.lead != lead:
            lead = unit.lead
            if lead:
                yield lead
        yield f"- {unit.text}" if lead else unit.text
