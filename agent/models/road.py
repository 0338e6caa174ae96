"""What every road to a model's files has in common.

FrontdeskError
└── PullFailed          the files are not here
    ├── RoadClosed      this road doesn't lead to them; another may
    ├── WrongHash       what came is not what the catalogue pins
    └── NotEnoughDisk   there is no room for them
"""

import hashlib
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Protocol

from agent.errors import FrontdeskError
from agent.models.catalogue import Model, ModelFile

BLOCK = 2**20

Progress = Callable[[int, int], None]
"""Told the bytes that are here by now, and the bytes of the whole model."""


class PullFailed(FrontdeskError):  # noqa: N818 - named by what happened
    """The model's files could not be had."""


class RoadClosed(PullFailed):
    """The files can't be had this way."""


class WrongHash(PullFailed):
    """A file that came is not the one that the catalogue pins; it has been deleted."""

    def __init__(self, path: Path, expected: str, actual: str) -> None:
        super().__init__(
            f"{path} has sha256 {actual}, but the catalogue pins {expected}. It has been deleted. "
            "Run `frontdesk models pull` again; if this comes back, the source has been changed: "
            "do not use it, and report it."
        )
        self.path, self.expected, self.actual = path, expected, actual


class NotEnoughDisk(PullFailed):
    """There is no room for the model."""

    def __init__(self, needed: int, free: int, folder: Path) -> None:
        super().__init__(
            f"{needed / 1e9:.2f} GB are needed in {folder}, but only {free / 1e9:.2f} GB are free. "
            "Free some, or choose another folder with FRONTDESK_CACHE."
        )
        self.needed, self.free, self.folder = needed, free, folder


class Road(Protocol):
    """A way to a model's files."""

    @property
    def name(self) -> str:
        """What to call it in a message."""

    def estimate_disk(self, model: Model, models: Path) -> int:
        """Return how many bytes it still needs on the disk, at its fullest."""

    def fetch(
        self,
        model: Model,
        models: Path,
        missing: Sequence[ModelFile],
        report: Callable[[int], None],
    ) -> None:
        """Put the missing files in their places, each hashed before it gets its name.

        `report` is told the bytes of these files that are here by now.
        Raises RoadClosed or WrongHash. What an interrupted call leaves, a later one uses.
        """


def hash_file(path: Path) -> str:
    """Return a file's sha256 in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def accept(partial: Path, place: Path, file: ModelFile) -> None:
    """Give a complete file its name, if it is the right one; delete it if not."""
    actual = hash_file(partial)
    if actual != file.sha256:
        partial.unlink()
        raise WrongHash(place, file.sha256, actual)
    partial.replace(place)


def beside(place: Path, suffix: str) -> Path:
    """Return the path beside a file under which its unfinished form is kept."""
    place.parent.mkdir(parents=True, exist_ok=True)
    return place.with_name(place.name + suffix)


def size_of(path: Path) -> int:
    """Return the bytes of a file, or of all files under a folder; 0 where nothing is."""
    files: Iterator[Path] = path.rglob("*") if path.is_dir() else iter([path])
    return sum(file.stat().st_size for file in files if file.is_file())


def discard(path: Path) -> None:
    """Delete a file or folder, if it is there."""
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
