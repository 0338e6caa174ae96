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
class Share:
    """How many tokens of a sequence, by its place, are in the step."""

    place: int
    tokens: int


def plan_step(works: Sequence[Work], now: float, budget: int) -> list[Share]:
    """Return the shares of one step, of at most `budget` tokens where somebody would wait for it.

    A customer's prompt that nobody's writing waits for has LONE times as many: larger steps are a
    little quicker.

    Whoever writes gets a token in each step, so that a long prompt stalls nobody; prompts share
    what is left, one after the other, so that the first of them is done soonest (chunked
    prefill: Agrawal et al., Sarathi-Serve, 2024). While a prompt of one lane is read, lanes after
    it rest; what has rested for STARVED_S goes first once.
    """
    urgent = min((work.lane for work in works if work.pending), default=Lane.BATCH)
    starved = {
        place
        for place, work in enumerate(works)
        if work.lane > urgent and now - work.served_at >= STARVED_S
    }
    allowed = [place for place, work in enumerate(works) if work.lane <= urgent or place in starved]
    allowed.sort(key=lambda place: (place not in starved, works[place].lane, works[place].arrival))
    shares = [Share(place, 1) for place in allowed if not works[place].pending][:budget]
    if not shares and urgent == Lane.CHAT and not starved:
        budget *= LONE
    room = budget - len(shares)
    for place in allowed:
        tokens = min(works[place].pending, room)
        if tokens:
            shares.append(Share(place, tokens))
            room -= tokens
    return shares
