"""Learning what does not belong, by leaving categories out, a fifth of them at a time."""

import numpy as np

from agent.triage.crossfit import OutOfFold, Sample, cross_fit, fit_views
from agent.triage.features import Depth, Features
from agent.triage.judging import Judge
from agent.triage.novelty import BY_NEARNESS, Nearest, Novelty, Traits, find_nearest, read_traits
from agent.triage.views import Places

MOST_TICKETS = 12_000
FEWEST_CATEGORIES = 6
PARTS = 5
SEED = 0


def learn_scope(judge: Judge, sample: Sample, outside: OutOfFold | None) -> tuple[Novelty, ...]:
    """Learn it for every depth; nearness alone decides where there are too few categories."""
    depths = list(Depth)[: len(judge.stacks)]
    if outside is None or sample.count < FEWEST_CATEGORIES:
        return (BY_NEARNESS,) * len(depths)
    sample, outside = _shorten(sample, outside)
    parts = np.array_split(np.random.default_rng(SEED).permutation(sample.count), PARTS)
    beyond = [_read_beyond(judge, sample, part) for part in parts]
    return tuple(
        Novelty.fit(
            _read_inside(judge, sample, outside, depth),
            np.vstack([part[depth] for part in beyond]),
        )
        for depth in depths
    )


def _shorten(sample: Sample, outside: OutOfFold) -> tuple[Sample, OutOfFold]:
    if sample.tickets <= MOST_TICKETS:
        return sample, outside
    drawn = np.random.default_rng(SEED).choice(sample.tickets, MOST_TICKETS, replace=False)
    said = np.arange(sample.tickets, len(sample.classes))
    smaller = sample.take(np.append(np.sort(drawn), said))
    again = cross_fit(smaller)
    assert again is not None
    return smaller, again


def _read_inside(judge: Judge, sample: Sample, outside: OutOfFold, depth: Depth) -> Traits:
    """Return the traits of tickets that belong, each judged by what did not see it."""
    seen = sample.features.see(depth)[: sample.tickets]
    near = find_nearest(seen, seen, sample.groups[: sample.tickets])
    nearest = Nearest(near.cosines[outside.rows], near.places[outside.rows])
    return read_traits(judge.stacks[depth].judge(outside.views[: depth + 1]), nearest)


def _read_beyond(judge: Judge, sample: Sample, part: Places) -> list[Traits]:
    """Return, for each depth, the traits of tickets whose categories were left out."""
    out = np.isin(sample.classes, part)
    smaller = sample.take(np.flatnonzero(~out))
    left = sample.features.take(np.flatnonzero(out[: sample.tickets]))
    scores = fit_views(smaller, np.arange(smaller.tickets)).score(left)
    return [
        read_traits(
            judge.stacks[depth].judge(scores[: depth + 1]), _find_known(left, smaller, depth)
        )
        for depth in list(Depth)[: len(judge.stacks)]
    ]


def _find_known(left: Features, smaller: Sample, depth: Depth) -> Nearest:
    return find_nearest(left.see(depth), smaller.features.see(depth)[: smaller.tickets], None)
