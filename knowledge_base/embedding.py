"""Texts into vectors, with sentence-transformers, from a folder on this machine."""

import hashlib
import logging
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import anyio
import numpy as np
from numpy.typing import NDArray

from knowledge_base.articles import Passage
from knowledge_base.errors import EmbedderMissing

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

BATCH = 32
Progress = Callable[[int], None]


class Embedder(Protocol):
    """Turns texts into vectors of length one."""

    @property
    def fingerprint(self) -> str:
        """What tells this embedder's vectors from another's."""

    @property
    def dimensions(self) -> int:
        """How many numbers a vector has."""

    def count_tokens(self, text: str) -> int:
        """Return how many tokens the text has, without the special ones."""

    def encode(self, texts: Sequence[str], progress: Progress = ...) -> NDArray[np.float32]:
        """Return vectors of shape [len(texts), dimensions]; tell `progress` of texts done."""


def read_embedded_text(passage: Passage) -> str:
    """Return what is embedded for a passage: its title and headings belong to its meaning."""
    above = " > ".join(part for part in (passage.title, *passage.heading_path) if part)
    return f"{above}\n{passage.text}" if above else passage.text


def ignore(_: int) -> None:
    """Take no notice of progress."""


class SentenceTransformerEmbedder:
    """Sentence-transformers (Reimers and Gurevych, 2019), loaded without any network.

    Raises EmbedderMissing if the folder does not hold a model.
    """

    def __init__(self, folder: Path, threads: int = 2) -> None:
        weights = folder / "model.safetensors"
        if not weights.exists():
            raise EmbedderMissing(f"{weights} is missing; run `frontdesk models pull`.")
        self._model = _load(folder, threads)
        self._fingerprint = hashlib.sha256(
            (folder / "config.json").read_bytes() + str(weights.stat().st_size).encode()
        ).hexdigest()[:16]

    @property
    def fingerprint(self) -> str:
        """What tells this embedder's vectors from another's."""
        return self._fingerprint

    @property
    def dimensions(self) -> int:
        """How many numbers a vector has."""
        return int(self._model.get_embedding_dimension() or 0)

    def count_tokens(self, text: str) -> int:
        """Return how many tokens the text has, without the special ones."""
        return len(self._model.tokenizer.encode(text, add_special_tokens=False, verbose=False))

    def encode(self, texts: Sequence[str], progress: Progress = ignore) -> NDArray[np.float32]:
        """Return vectors of shape [len(texts), dimensions]; tell `progress` of texts done."""
        parts = []
        for start in range(0, len(texts), BATCH):
            batch = list(texts[start : start + BATCH])
            encode = partial(self._model.encode, normalize_embeddings=True, show_progress_bar=False)
            parts.append(np.asarray(encode(batch), dtype=np.float32))
            progress(len(batch))
        return np.concatenate(parts) if parts else np.zeros((0, self.dimensions), np.float32)


def _load(folder: Path, threads: int) -> "SentenceTransformer":
    # Torch takes seconds to import: commands that embed nothing must not wait for it.
    import torch  # noqa: PLC0415
    from sentence_transformers import SentenceTransformer  # noqa: PLC0415
    from transformers.utils import logging as transformers_logging  # noqa: PLC0415

    transformers_logging.disable_progress_bar()
    logging.getLogger("sentence_transformers").setLevel(logging.WARNING)
    torch.set_num_threads(threads)
    return SentenceTransformer(str(folder), device="cpu", local_files_only=True)


class ThreadedEncoder:
    """Encodes off the event loop."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder

    async def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return vectors of shape [len(texts), dimensions]."""
        return await anyio.to_thread.run_sync(self._embedder.encode, list(texts))
