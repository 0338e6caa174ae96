"""A prompt in the chunks in which it is evaluated."""

from collections.abc import Sequence

CHUNK_TOKENS = 128  # a cancel is noticed between chunks: about a second on two cores

Chunk = tuple[int, ...]


class Prompt:
    """A prompt's tokens, in the chunks in which they are evaluated.

    Chunks begin anew after the prefix (all messages but the last), so that a prompt is always
    cut at the same places: what is taken from the cache is then bit for bit what would have been
    computed, and the same request gives the same text.
    """

    def __init__(self, prefix: Sequence[int], rest: Sequence[int]) -> None:
        self.prefix = _cut(prefix)
        self.chunks = [*self.prefix, *_cut(rest)]
        self.length = len(prefix) + len(rest)


def _cut(tokens: Sequence[int]) -> list[Chunk]:
    return [tuple(tokens[i : i + CHUNK_TOKENS]) for i in range(0, len(tokens), CHUNK_TOKENS)]


def count_shared(left: Sequence[Chunk], right: Sequence[Chunk]) -> int:
    """Return how many leading chunks both have."""
    pairs = list(zip(left, right, strict=False))
    return next((i for i, (one, other) in enumerate(pairs) if one != other), len(pairs))
