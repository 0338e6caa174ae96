"""Messages as the tokens of a prompt."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from agent.models.prefixes import count_shared


class Tokenizer(Protocol):
    """Turns text into tokens."""

    def tokenize(self, text: str, *, special: bool = False) -> list[int]:
        """Return a text's tokens; only with `special` can it hold control tokens."""


class Template:
    """Puts messages into ChatML; nothing inside a message can open or close a role."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        (self._start,) = tokenizer.tokenize("<|im_start|>", special=True)
        (self._end,) = tokenizer.tokenize("<|im_end|>", special=True)
        self._newline = tokenizer.tokenize("\n")

    def encode(self, messages: Sequence[dict[str, str]]) -> list[int]:
        """Return the tokens that ask for the assistant's next message."""
        told = [token for message in messages for token in self._encode_message(message)]
        return [*told, self._start, *self._tokenizer.tokenize("assistant\n")]

    def count_common(
        self, messages: Sequence[dict[str, str]], characters: int, prompt: Sequence[int]
    ) -> int:
        """Return how many tokens of a prompt come of its messages but the last one's end.

        `characters` of the last message count.
        """
        if not characters:
            return 0
        *before, last = messages
        told = [token for message in before for token in self._encode_message(message)]
        text = f"{last['role']}\n{last['content'][:characters]}"
        begun = [*told, self._start, *self._tokenizer.tokenize(text)]
        # The text's end may be one token with what follows.
        return count_shared(np.asarray(begun), np.asarray(prompt))

    def _encode_message(self, message: dict[str, str]) -> list[int]:
        text = self._tokenizer.tokenize(f"{message['role']}\n{message['content']}")
        return [self._start, *text, self._end, *self._newline]
