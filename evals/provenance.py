"""Where a result comes from: what is needed to make it again."""

import hashlib
import os
import platform
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

ROOT = Path(__file__).parent.parent
PACKAGES = ("agent", "knowledge_base", "prompts", "evals")
DECISIVE = frozenset({".py", ".md", ".toml", ".json", ".jinja"})
WRITTEN = frozenset({"RESULTS.md"})
WIRING = ("api", "commands")
# One evaluation's figures don't make the next one's source a changed one.
UNWATCHED = (":(exclude)evals/RESULTS.md",)


@dataclass(frozen=True, slots=True)
class Provenance:
    """What a result was made with, and where and when."""

    commit: str
    dirty: bool
    source_sha256: str
    model: str
    model_sha256: str
    embedder: str
    prompt_version: str
    machine: str
    made_at: str
    command: str


def read_provenance(  # noqa: PLR0913 - each is a fact of its own
    *,
    model: str,
    model_sha256: str,
    embedder: str,
    prompt_version: str,
    now: datetime,
    command: Sequence[str],
) -> Provenance:
    """Return the provenance of a result that is made now, by this checkout on this machine."""
    return Provenance(
        commit=_ask_git("rev-parse", "HEAD"),
        dirty=bool(_ask_git("status", "--porcelain", "--", *PACKAGES, *WIRING, *UNWATCHED)),
        source_sha256=hash_source(),
        model=model,
        model_sha256=model_sha256,
        embedder=embedder,
        prompt_version=prompt_version,
        machine=describe_machine(),
        made_at=now.isoformat(timespec="seconds"),
        command=" ".join(command),
    )


def hash_source(root: Path = ROOT) -> str:
    """Return a hash of the files that decide what an evaluation comes to."""
    digest = hashlib.sha256()
    for path in sorted(_list_decisive(root)):
        digest.update(str(path.relative_to(root)).encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _list_decisive(root: Path) -> Iterable[Path]:
    for package in PACKAGES:
        for path in (root / package).rglob("*"):
            if path.suffix in DECISIVE and path.name not in WRITTEN and path.is_file():
                yield path


def describe_machine() -> str:
    """Return the processor's name and how many cores may be used."""
    cores = len(os.sched_getaffinity(0))
    return f"{_read_processor()}, {cores} cores"


def _read_processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or platform.machine())


def _ask_git(*arguments: str) -> str:
    """Return what git says, nothing where there is no git or no checkout."""
    try:
        said = subprocess.run(  # noqa: S603 - a fixed command
            ["git", "-C", str(ROOT), *arguments],  # noqa: S607 - git as the PATH has it
            capture_output=True,
            text=True,
            check=False,
        )
    except OSError:
        return ""
    return said.stdout.strip() if said.returncode == 0 else ""
