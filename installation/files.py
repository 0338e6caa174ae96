import contextlib
import fcntl
import hashlib
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

from installation.errors import InstallationError


def write(path: Path, text: str) -> None:
    """Put a whole file in place, or none."""
    path.parent.mkdir(exist_ok=True)
    draft = path.with_name(f"{path.name}.new")
    draft.write_text(text)
    draft.replace(path)


def digest(text: str) -> str:
    """Return the sha256 of a text, in hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()


def cut_package(lock: Path, name: str) -> str:
    """Return a package's lines of a lock. Raises InstallationError if it is not there."""
    pattern = rf"^{re.escape(name)}==.*\n(?:    --hash=.*\n)+"
    found = re.search(pattern, lock.read_text(), re.MULTILINE)
    if not found:
        raise InstallationError(f"{lock} has no hashed {name}. Run `make lock`.")
    return found[0]


@contextlib.contextmanager
def hold(folder: Path, on_wait: Callable[[], None]) -> Iterator[None]:
    """Keep other runs out of a folder; children of a killed run keep it until they end, too."""
    handle = os.open(folder, os.O_RDONLY)
    os.set_inheritable(handle, True)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            on_wait()
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
