"""States of what many prompts begin with, on disk: a new process need not compute them again."""

import hashlib
import os
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from agent.models.prefixes import NO_LOGITS, Kept, Tokens

SUFFIX = ".npz"
# What began one prompt alone is not worth the disk.
WORTHWHILE = 2
UNREADABLE = (BadZipFile, KeyError, ValueError, OSError)


class SavedPrefixes:
    """Files in a folder, at most `budget` bytes of them; those used longest ago go first.

    What a state saves is in proportion to its size, so that only its use counts. Only its owner can
    read a file.
    """

    def __init__(self, folder: Path, budget: int) -> None:
        self._folder = folder
        self._budget = budget
        self._seen: Counter[str] = Counter()

    def read(self, most: int) -> Iterator[Kept]:
        """Yield what was saved, the latest used first, `most` bytes together; damaged files go."""
        for path in reversed(self._list_files()):
            most -= path.stat().st_size
            if most < 0:
                return
            try:
                with np.load(path, allow_pickle=False) as file:
                    kept = Kept(
                        str(file["audience"]),
                        file["tokens"].astype(np.int32),
                        file["state"],
                        NO_LOGITS,
                    )
            except UNREADABLE:
                path.unlink(missing_ok=True)
            else:
                yield kept

    def wants(self, audience: str, tokens: Tokens) -> bool:
        """Whether what a prompt began with is to be saved; each question counts as a use."""
        path = self._locate(audience, tokens)
        if path.exists():
            with suppress(OSError):  # it may be somebody else's, or gone since
                path.touch()
            return False
        self._seen[path.name] += 1
        return self._budget > 0 and self._seen[path.name] >= WORTHWHILE

    def write(self, kept: Kept) -> None:
        """Save a state, whole or not at all, and let others go if there is no room.

        A disk that is full or can't be written costs the state, and no turn.
        """
        with suppress(OSError):
            self._folder.mkdir(parents=True, exist_ok=True)
            self._write(kept, self._locate(kept.audience, kept.tokens))
            self._make_room()

    def _write(self, kept: Kept, path: Path) -> None:
        new = path.with_suffix(".new")
        try:
            with open(new, "wb", opener=_open_privately) as file:
                audience = np.array(kept.audience)
                np.savez(file, audience=audience, tokens=kept.tokens, state=kept.state)
            new.replace(path)
        finally:
            new.unlink(missing_ok=True)

    def _make_room(self) -> None:
        files = self._list_files()
        size = sum(path.stat().st_size for path in files)
        while size > self._budget:
            size -= files[0].stat().st_size
            files.pop(0).unlink()

    def _list_files(self) -> list[Path]:
        files = self._folder.glob(f"*{SUFFIX}")
        return sorted(files, key=lambda path: path.stat().st_mtime_ns)

    def _locate(self, audience: str, tokens: Tokens) -> Path:
        told = hashlib.sha256(f"{audience}\n".encode() + tokens.tobytes())
        return self._folder / (told.hexdigest()[:32] + SUFFIX)


def _open_privately(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
