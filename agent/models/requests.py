"""A request in the engine, from its prompt's first token to its text's end."""

import codecs
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from agent.lanes import Lane
from agent.models.emission import Emission
from agent.models.prefixes import NO_LOGITS, Logits, Text, Tokens
from agent.models.sampling import Sampler

Send = Callable[..., None]


@dataclass(slots=True, eq=False)
class Request:
    """What is to be generated, and how far it is.

    `prompt` are the prompt's tokens, `tokens` these and those written since; `evaluated` of them
    are in the model's memory, in the sequence `slot`. `reused` were taken from what was kept, and
    so were the `repeated` ones of the text. `plain` says that the likeliest token is always taken.
    The first `common` tokens of the prompt hold nothing of a customer's.
    `chances`, if they are asked for, are the tokens written and their log-probabilities. With
    `endings` nothing is written: `scores` are their log-probabilities after the prompt, whose last
    logits are `after`.
    """

    number: int
    lane: Lane
    audience: str
    prompt: Tokens
    most: int
    sampler: Sampler
    emission: Emission
    send: Send
    arrival: int
    served_at: float
    plain: bool
    slot: int = -1
    evaluated: int = 0
    reused: int = 0
    written: int = 0
    repeated: int = 0
    begun: bool = False
    ended: bool = False
    reason: str = ""
    common: int = 0
    chances: list[tuple[str, float]] | None = None
    endings: Sequence[Sequence[int]] = ()
    scores: list[float] = field(default_factory=list)
    after: Logits = field(default_factory=lambda: NO_LOGITS)
    decoder: Any = field(default_factory=lambda: codecs.getincrementaldecoder("utf-8")("replace"))

    tokens: list[int] = field(init=False)

    def __post_init__(self) -> None:
        """Begin with the prompt."""
        self.tokens = self.prompt.tolist()

    @property
    def cells(self) -> int:
        """The most tokens that it can come to hold."""
        return len(self.prompt) + self.most

    @property
    def pending(self) -> int:
        """How many tokens of its prompt are still to be evaluated."""
        return max(0, len(self.prompt) - self.evaluated)

    @property
    def ahead(self) -> int:
        """How many tokens are to be evaluated before it writes, those to be scored included."""
        return self.pending + sum(map(len, self.endings[len(self.scores) :]))

    @property
    def computed(self) -> int:
        """How many tokens of its prompt had to be computed."""
        return len(self.prompt) - self.reused

    @property
    def text(self) -> Text:
        """What was written so far."""
        tokens = tuple(self.tokens[len(self.prompt) :])
        return Text(tokens, ended=self.ended)

    def repeat(self, text: Text, to_bytes: Callable[[int], bytes]) -> None:
        """Take a text that was written before, as far as it is asked for."""
        self.reused = len(self.prompt)
        for place, token in enumerate(text.tokens, 1):
            last = text.ended and place == len(text.tokens)
            self.take(token, to_bytes(token), last=last)
            self.repeated += 1
            if self.reason:
                return

    def take(self, token: int, text: bytes, *, last: bool) -> None:
        """Add a token that was chosen; `last` if it ends the text."""
        self.written += 1
        self.tokens.append(token)
        if last:
            self.reason, self.ended = "stop", True
        elif shown := self.emission.push(self.decoder.decode(text)):
            self.send(event="text", id=self.number, text=shown)
        if self.emission.stopped:
            self.reason = "stop"
        elif not self.reason and self.written == self.most:
            self.reason = "length"

    def finish(self) -> None:
        """Send what was held back, and the end, unless it failed."""
        if self.reason == "failed":
            return
        if self.reason != "cancelled" and (rest := self.emission.finish()):
            self.send(event="text", id=self.number, text=rest)
        self.send(
            event="done",
            id=self.number,
            reason=self.reason,
            prompt_tokens=len(self.prompt),
            reused_tokens=self.reused,
            tokens=self.written,
            repeated_tokens=self.repeated,
            chances=self.chances,
            scores=self.scores,
        )
