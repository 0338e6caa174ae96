"""An encoder of hashed word stems: near is what shares words."""

import zlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from agent.verification.words import content_stems, read_words

DIMENSIONS = 384  # as the real one has, so that the trained screener accepts its vectors


class FakeEncoder:
    """Keeps the texts that it was given in `encoded`."""

    def __init__(self) -> None:
        self.encoded: list[str] = []

    async def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.encoded += texts
        vectors = np.zeros((len(texts), DIMENSIONS), np.float32)
        for row, text in zip(vectors, texts, strict=True):
            row[0] = 0.1  # so that a text without words has a direction too
            for stem in content_stems(read_words(text)):
                row[zlib.crc32(stem.encode()) % DIMENSIONS] += 1
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        return vectors
