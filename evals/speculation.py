"""Whether guessing what comes next, from the prompt, would pay (Saxena, prompt lookup decoding)."""

import asyncio
from collections.abc import Sequence
from contextlib import aclosing

from agent.ports import ChatModel, Completion
from evals.engine import Turn
from evals.loads import list_moments

LOOKED_UP = 2
GUESSED = 3
TOKENS = 48
COUNTED = 24
COUNTING = "Count from {start} to 900, one number a line."


async def measure_speculation(model: ChatModel, turns: Sequence[Turn]) -> dict[str, float]:
    """Return what a step with guesses would give, what it would cost, and the one by the other.

    `tokens_a_step` are those of the model's own answers that GUESSED tokens out of the prompt
    foretell, and the one that a step gives anyway; `cost_of_step` is that of a step with as many
    tokens beside one with a single token, taken from as many texts at once. More than 1 pays.
    """
    written = [await _write(model, turn) for turn in turns]
    steps = sum(count_steps(prompt, pieces) for prompt, pieces in written)
    given = sum(len(pieces) for _, pieces in written) / max(steps, 1)
    alone = await _time_texts(model, 1)
    cost = await _time_texts(model, 1 + GUESSED) / alone
    return {"tokens_a_step": given, "cost_of_step": cost, "gain": given / cost}


def count_steps(prompt: str, pieces: Sequence[str]) -> int:
    """Return the steps that a text takes whose next tokens are guessed from the prompt."""
    steps = place = 0
    while place < len(pieces):
        place += 1 + _count_foretold(prompt, pieces, place)
        steps += 1
    return steps


def _count_foretold(prompt: str, pieces: Sequence[str], place: int) -> int:
    """Return how many pieces after the one at `place` stand in the prompt after the same words."""
    known = "".join(pieces[max(0, place - LOOKED_UP + 1) : place + 1])
    found = prompt.rfind(known) if place + 1 >= LOOKED_UP else -1
    if found < 0:
        return 0
    rest, foretold = prompt[found + len(known) :], 0
    for piece in pieces[place + 1 : place + 1 + GUESSED]:
        if not rest.startswith(piece):
            break
        rest, foretold = rest[len(piece) :], foretold + 1
    return foretold


async def _write(model: ChatModel, turn: Turn) -> tuple[str, list[str]]:
    request = turn.ask("the foretold", TOKENS)
    prompt = "".join(message["content"] for message in request.messages)
    async with aclosing(model.stream(request)) as pieces:  # type: ignore[type-var] # a generator
        return prompt, [piece async for piece in pieces]


async def _time_texts(model: ChatModel, texts: int) -> float:
    """Return the seconds of a step in which so many texts are written."""
    spans = await asyncio.gather(*(_time_text(model, texts, place) for place in range(texts)))
    return max(end for _, end in spans) - min(begin for begin, _ in spans)


async def _time_text(model: ChatModel, texts: int, place: int) -> tuple[float, float]:
    asked = COUNTING.format(start=100 + 10 * texts + place)
    request = Completion(({"role": "user", "content": asked},), COUNTED)
    moments = await list_moments(model.stream(request))
    return moments[0], moments[-1]
