"""Texts into vectors, with sentence-transformers, from a folder on this machine."""

import hashlib
import logging
import threading
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import anyio
import numpy as np
from cachetools import LRUCache
from numpy.typing import NDArray

from knowledge_base.articles import Passage
from knowledge_base.errors import EmbedderMissing

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

BATCH = 32
REMEMBERED = 20_000
DECISIVE = (
    "model.safetensors",
    "tokenizer.json",
    "modules.json",
    "sentence_bert_config.json",
    "1_Pooling/config.json",
)
Progress = Callable[[int], None]
Vectors = dict[str, NDArray[np.float32]]


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
        self._folder = folder
        self._threads = threads
        self._fingerprint = _hash_files(folder)
        # Encoding switches the tokenizer's truncation on, counting switches it off: in two threads
        # at once, long texts are counted wrong, or run past what the model can take.
        self._lock = threading.RLock()

    @cached_property
    def _model(self) -> "SentenceTransformer":
        # Loading takes seconds, and an import that finds nothing new needs no model.
        return _load(self._folder, self._threads)

    @property
    def fingerprint(self) -> str:
        """What tells this embedder's vectors from another's."""
        return self._fingerprint

    @property
    def dimensions(self) -> int:
        """How many numbers a vector has."""
        with self._lock:
            return int(self._model.get_embedding_dimension() or 0)

    def count_tokens(self, text: str) -> int:
        """Return how many tokens the text has, without the special ones."""
        with self._lock:
            return len(self._model.tokenizer.encode(text, add_special_tokens=False, verbose=False))

    def encode(self, texts: Sequence[str], progress: Progress = ignore) -> NDArray[np.float32]:
        """Return vectors of shape [len(texts), dimensions]; tell `progress` of texts done."""
        vectors = np.zeros((len(texts), self.dimensions), np.float32)
        # Texts of like length together: each batch is padded to its longest.
        order = sorted(range(len(texts)), key=lambda place: len(texts[place]))
        for start in range(0, len(order), BATCH):
            places = order[start : start + BATCH]
            vectors[places] = self._encode([texts[place] for place in places])
            progress(len(places))
        return vectors

    def _encode(self, batch: list[str]) -> NDArray[np.float32]:
        with self._lock:
            encoded = self._model.encode(batch, normalize_embeddings=True, show_progress_bar=False)
        return np.asarray(encoded, dtype=np.float32)


def _hash_files(folder: Path) -> str:
    """Return a hash of all that decides on the vectors: weights, tokenizer and settings."""
    digest = hashlib.sha256()
    for name in DECISIVE:
        if (folder / name).exists():
            with (folder / name).open("rb") as file:
                digest.update(name.encode() + hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()[:16]


def _load(folder: Path, threads: int) -> "SentenceTransformer":
    # Torch takes seconds to import: commands that embed nothing must not wait for it.
    import torch  # noqa: PLC0415
    from sentence_transformers import SentenceTransformer  # noqa: PLC0415
    from transformers.utils import logging as transformers_logging  # noqa: PLC0415

    transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    logging.getLogger("sentence_transformers").setLevel(logging.WARNING)
    torch.set_num_threads(threads)
    return SentenceTransformer(str(folder), device="cpu", local_files_only=True)


class ThreadedEncoder:
    """Encodes off the event loop, and remembers the texts that it met last.

    The same passages are read again and again: their sentences are encoded once, also for many
    who ask at the same moment.
    """

    def __init__(self, embedder: Embedder, remembered: int = REMEMBERED) -> None:
        self._embedder = embedder
        self._vectors: LRUCache[str, NDArray[np.float32]] = LRUCache(remembered)
        self._lock = anyio.Lock()

    async def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return vectors of shape [len(texts), dimensions]."""
        if not texts:
            return await self._encode([])
        known = self._recall(texts)
        if len(known) < len(set(texts)):
            async with self._lock:
                known = self._recall(texts)
                known |= await self._learn([t for t in dict.fromkeys(texts) if t not in known])
        return np.stack([known[text] for text in texts])

    def _recall(self, texts: Sequence[str]) -> Vectors:
        return {text: self._vectors[text] for text in texts if text in self._vectors}

    async def _learn(self, texts: Sequence[str]) -> Vectors:
        """Encode what nobody else has had encoded meanwhile."""
        if not texts:
            return {}
        learnt = dict(zip(texts, await self._encode(texts), strict=True))
        self._vectors.update(learnt)
        return learnt

    async def _encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return await anyio.to_thread.run_sync(self._embedder.encode, texts)
