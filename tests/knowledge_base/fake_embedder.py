"""An embedder of hashed words: near is what shares words."""

import re
import zlib
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

BATCH = 32


class FakeEmbedder:
    def __init__(self, fingerprint: str = "fake", dimensions: int = 256) -> None:
        self.name = fingerprint
        self.fingerprint = fingerprint
        self.dimensions = dimensions
        self.encoded: list[str] = []

    def count_tokens(self, text: str) -> int:
        return len(re.findall(r"\w+|[^\w\s]", text))

    def encode(
        self, texts: Sequence[str], progress: Callable[[int], None] = lambda _: None
    ) -> NDArray[np.float32]:
        self.encoded += texts
        for start in range(0, len(texts), BATCH):
            progress(len(texts[start : start + BATCH]))
        vectors = np.zeros((len(texts), self.dimensions), np.float32)
        vectors[:, 0] = 0.1  # so that a text without words has a direction too
        for place, text in enumerate(texts):
            for word in re.findall(r"\w+", text.lower()):
                vectors[place, zlib.crc32(word.encode()) % self.dimensions] += 1
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        return vectors
