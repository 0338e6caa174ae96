"""Whether a model fits into this machine's memory."""

import re
from dataclasses import dataclass
from pathlib import Path

BYTES_PER_CONTEXT_TOKEN = 30 * 1024
BYTES_BESIDE = 300 * 10**6  # the process itself and llama.cpp's working buffers

MEMINFO = Path("/proc/meminfo")


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much a model may take.

    `context_tokens` is the most that a prompt and its text have together, `cells` what all
    running requests have together, at most `sequences` of them. States of earlier prompts are
    kept in `prefix_bytes`, those of what many begin with also in a `folder`, up to `disk_bytes`.
    """

    context_tokens: int = 4096
    threads: int = 2
    sequences: int = 4
    cells: int = 12_288
    prefix_bytes: int = 512 * 2**20
    disk_bytes: int = 0
    folder: Path = Path()

    @property
    def all_cells(self) -> int:
        """The cells that there are: enough for the longest request."""
        return max(self.cells, self.context_tokens)


def estimate_memory(file_bytes: int, sizes: Sizes) -> int:
    """Return how many bytes of memory a model takes."""
    cells = sizes.all_cells * BYTES_PER_CONTEXT_TOKEN
    return file_bytes + cells + sizes.prefix_bytes + BYTES_BESIDE


def read_available_memory() -> int | None:
    """Return how many bytes could be had without swapping, or None where nobody says."""
    if not MEMINFO.exists():
        return None
    found = re.search(r"^MemAvailable:\s+(\d+) kB", MEMINFO.read_text(), re.MULTILINE)
    return int(found[1]) * 1024 if found else None
