"""What the next step of the engine computes: whose tokens, and how many."""

from collections.abc import Sequence
from dataclasses import dataclass

from agent.lanes import Lane

STARVED_S = 5.0
LONE = 4


@dataclass(slots=True)
class Work:
    """A sequence as the schedule sees it.

    `pending` counts the tokens of its prompt that are still to be evaluated; a sequence without
    any is writing. `served_at` is when it last had a share of a step, in seconds.
    """

    lane: Lane
    arrival: int
    pending: int
    served_at: float


@dataclass(frozen=True, slots=True)
class Step:
    """Who writes a token, and how many tokens of whose prompt are read, by their places."""

    writers: tuple[int, ...] = ()
    reader: int | None = None
    tokens: int = 0


def plan_step(works: Sequence[Work], now: float, budget: int) -> Step:
    """Return the next step: a token for each who writes, and `budget` tokens of one prompt.

    A customer's prompt that nobody's writing waits for has LONE times as many: larger steps are a
    little quicker.

    Whoever writes gets a token in each step, so that a long prompt stalls nobody (chunked
    prefill: Agrawal et al., Sarathi-Serve, 2024); prompts are read one after the other, so that
    the first of them is done soonest, and the next can begin with what both share. While a prompt
    of one lane is read, lanes after it rest; what has rested for STARVED_S goes first once, a
    prompt with a part of the tokens: however slow the machine, it takes little from those before.
    """
    urgent = min((work.lane for work in works if work.pending), default=Lane.BATCH)
    starved = {
        place
        for place, work in enumerate(works)
        if work.lane > urgent and now - work.served_at >= STARVED_S
    }
    allowed = [place for place, work in enumerate(works) if work.lane <= urgent or place in starved]
    allowed.sort(key=lambda place: (place not in starved, works[place].lane, works[place].arrival))
    writers = tuple(place for place in allowed if not works[place].pending)
    reader = next((place for place in allowed if works[place].pending), None)
    if reader is None:
        return Step(writers)
    if reader in starved:
        budget //= LONE
    elif not writers and urgent == Lane.CHAT:
        budget *= LONE
    return Step(writers, reader, min(works[reader].pending, budget))
