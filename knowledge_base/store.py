"""One generation of the index on disk: vectors in Chroma, BM25 beside them.

A generation is built in a folder of its own and renamed when it is whole; nothing changes it
afterwards. So readers in other processes never see half an index, and what an article once said
is gone with the last folder that held it (Chroma keeps deleted text in its queue).
"""

import json
import shutil
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, cast

import chromadb
import numpy as np
from chromadb.config import Settings
from numpy.typing import NDArray

from knowledge_base.articles import Passage
from knowledge_base.lexical import LexicalIndex
from knowledge_base.repository import StoredPassage

PREFIX = "gen-"
COLLECTION = "passages"
# Chroma's default reads too little of the graph when a filter leaves few of many passages.
SEARCH_BREADTH = 256
Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Found:
    """A passage with its cosine similarity and BM25 score."""

    passage: Passage
    similarity: float
    lexical: float


class IndexStore:
    """An opened generation."""

    def __init__(self, folder: Path) -> None:
        self.generation = int(folder.name.removeprefix(PREFIX))
        places = json.loads((folder / "places.json").read_text(encoding="utf-8"))
        self.embedder: str = places.get("embedder", "")
        self._ids: list[str] = places["ids"]
        self._place = {passage_id: place for place, passage_id in enumerate(self._ids)}
        self._audiences = np.array(places["audiences"], dtype=np.str_)
        self.lexical = LexicalIndex.load(folder / "lexical")
        if self.lexical.size != len(self._ids):
            raise ValueError(f"{folder} is damaged: its BM25 is of other passages")
        self._client = _open_chroma(folder / "chroma")
        try:
            self._collection = self._client.get_collection(COLLECTION)
            self._check(folder)
        except Exception:
            # Chroma hands the same client out again for the same folder, mended or not.
            self._client.close()
            raise

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Open a generation's folder; raises, whatever is wrong with it, if it is damaged."""
        return cls(folder)

    def _check(self, folder: Path) -> None:
        if self._collection.count() != len(self._ids):
            raise ValueError(f"{folder} is damaged: its vectors are of other passages")
        if self._ids:
            first = self._collection.get(ids=self._ids[:1], include=["embeddings"])
            vector = np.asarray(first["embeddings"], dtype=np.float32)[0]
            self._query(vector, None, 1)

    def __len__(self) -> int:
        """Return how many passages there are."""
        return len(self._ids)

    def close(self) -> None:
        """Let go of the files."""
        self._client.close()

    def search(
        self,
        question: str,
        vector: NDArray[np.float32],
        audiences: Sequence[str] | None,
        limit: int,
    ) -> tuple[list[str], list[str], dict[str, Found]]:
        """Return ids by similarity, ids by BM25, and what was found by id.

        `audiences` are the ones that may be read, None for all: they are part of both queries.
        """
        near = self._query(vector, audiences, limit)
        scores = self.lexical.score(question, self._allow(audiences))
        alike = [self._ids[i] for i in np.argsort(-scores, kind="stable")[:limit] if scores[i] > 0]
        found = self._gather([*near, *alike], vector, scores)
        return near, alike, found

    def _allow(self, audiences: Sequence[str] | None) -> NDArray[np.bool_]:
        if audiences is None:
            return np.ones(len(self._ids), dtype=np.bool_)
        return np.isin(self._audiences, list(audiences))

    def _query(
        self, vector: NDArray[np.float32], audiences: Sequence[str] | None, limit: int
    ) -> list[str]:
        allowed = int(self._allow(audiences).sum())
        if not allowed:
            return []
        where: Any = None if audiences is None else {"audience": {"$in": list(audiences)}}
        answer = self._collection.query(
            query_embeddings=[vector], n_results=min(limit, allowed), where=where, include=[]
        )
        return list(answer["ids"][0])

    def _gather(
        self, ids: Sequence[str], vector: NDArray[np.float32], scores: NDArray[np.float32]
    ) -> dict[str, Found]:
        if not ids:
            return {}
        wanted = list(dict.fromkeys(ids))
        rows = self._collection.get(ids=wanted, include=["documents", "metadatas", "embeddings"])
        columns = zip(
            rows["ids"],
            cast("list[str]", rows["documents"]),
            cast("list[dict[str, str]]", rows["metadatas"]),
            np.asarray(rows["embeddings"], dtype=np.float32),
            strict=True,
        )
        return {
            i: Found(_read(i, text, data), float(own @ vector), float(scores[self._place[i]]))
            for i, text, data, own in columns
        }


def build_index(
    root: Path,
    generation: int,
    stored: Sequence[StoredPassage],
    progress: Progress,
    embedder: str = "",
) -> None:
    """Write a generation below `root`; one that is there already is replaced.

    `embedder` is the fingerprint of what made the vectors, empty if it does not matter.
    """
    root.mkdir(parents=True, exist_ok=True)
    target = root / f"{PREFIX}{generation}"
    draft = root / f".draft-{generation}-{uuid.uuid4().hex}"
    passages = [item.passage for item in stored]
    try:
        _write_chroma(draft / "chroma", stored, progress)
        LexicalIndex.build(passages).save(draft / "lexical")
        places = {
            "ids": [p.id for p in passages],
            "audiences": [p.audience for p in passages],
            "embedder": embedder,
        }
        (draft / "places.json").write_text(json.dumps(places), encoding="utf-8")
        if target.exists():
            shutil.rmtree(target)
        draft.rename(target)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def find_generation(root: Path, generation: int) -> Path | None:
    """Return the folder of a generation, None if it was not built."""
    folder = root / f"{PREFIX}{generation}"
    return folder if (folder / "places.json").exists() else None


def list_generations(root: Path) -> list[int]:
    """Return the generations that are built, newest first."""
    names = [folder.name.removeprefix(PREFIX) for folder in root.glob(f"{PREFIX}*")]
    numbers = [int(name) for name in names if name.isdecimal()]
    return sorted((n for n in numbers if find_generation(root, n)), reverse=True)


def remove_others(root: Path, keep: int, previous: int = 0) -> None:
    """Delete unfinished drafts and all generations but `keep` and some newest ones before it.

    Where a generation's folder is deleted, a process that has it open can read on (on POSIX).
    """
    for folder in root.glob(".draft-*"):
        shutil.rmtree(folder, ignore_errors=True)
    before = [n for n in list_generations(root) if n < keep]
    kept = {f"{PREFIX}{n}" for n in [keep, *before[:previous]]}
    for folder in root.glob(f"{PREFIX}*"):
        if folder.name not in kept:
            shutil.rmtree(folder, ignore_errors=True)


def _open_chroma(folder: Path) -> Any:  # noqa: ANN401 - chromadb's own client type is private
    settings = Settings(anonymized_telemetry=False, allow_reset=False)
    return chromadb.PersistentClient(path=str(folder), settings=settings)


def _write_chroma(folder: Path, stored: Sequence[StoredPassage], progress: Progress) -> None:
    folder.mkdir(parents=True)
    client = _open_chroma(folder)
    collection = client.create_collection(
        COLLECTION,
        configuration={"hnsw": {"space": "cosine", "ef_search": SEARCH_BREADTH}},
        embedding_function=None,
    )
    for batch in _batches(stored, client.get_max_batch_size()):
        collection.add(
            ids=[item.passage.id for item in batch],
            embeddings=[item.vector for item in batch],
            documents=[item.passage.text for item in batch],
            metadatas=[_describe(item.passage) for item in batch],
        )
        progress(len(batch))
    client.close()


def _batches(stored: Sequence[StoredPassage], size: int) -> Iterator[Sequence[StoredPassage]]:
    for start in range(0, len(stored), size):
        yield stored[start : start + size]


def _describe(passage: Passage) -> Mapping[str, str]:
    return {
        "article_id": passage.article_id,
        "title": passage.title,
        "heading_path": json.dumps(passage.heading_path),
        "audience": passage.audience,
    }


def _read(passage_id: str, text: str, data: Mapping[str, str]) -> Passage:
    path = tuple(json.loads(data["heading_path"]))
    return Passage(passage_id, data["article_id"], data["title"], path, text, data["audience"])
