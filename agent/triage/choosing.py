"""The language model chooses a category, under a grammar that allows no other word."""

import json
from collections.abc import Mapping, Sequence

from agent.errors import FrontdeskError
from agent.lanes import Lane
from agent.ports import ChatModel, Completion
from prompts import render

MOST_TOKENS = 64
LONGEST_TICKET = 1500
LONGEST_EXAMPLE = 200


class ModelChooser:
    """Asks a chat model; a model that fails says nothing, and the ticket goes to a person."""

    def __init__(self, model: ChatModel, seed: int = 0) -> None:
        self._model = model
        self._seed = seed

    async def choose(
        self, text: str, candidates: Sequence[str], examples: Mapping[str, str]
    ) -> str | None:
        """Return one of the candidates, or None; `examples` has a ticket for some of them."""
        request = build_choice(text, candidates, examples, self._seed)
        try:
            said = "".join([piece async for piece in self._model.stream(request)])
            return str(json.loads(said)["category"])
        except (FrontdeskError, ValueError, KeyError):
            return None


def build_choice(
    text: str, candidates: Sequence[str], examples: Mapping[str, str], seed: int
) -> Completion:
    """Return a request whose answer can only be one of the candidates."""
    shown = {name: example[:LONGEST_EXAMPLE] for name, example in examples.items()}
    question = render("choose", candidates=candidates, examples=shown, text=text[:LONGEST_TICKET])
    return Completion(
        messages=(
            {"role": "system", "content": render("choose_system")},
            {"role": "user", "content": question},
        ),
        max_tokens=MOST_TOKENS,
        seed=seed,
        lane=Lane.BATCH,
        schema={
            "type": "object",
            "properties": {"category": {"enum": list(candidates)}},
            "required": ["category"],
            "additionalProperties": False,
        },
    )
