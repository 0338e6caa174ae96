"""Whether a model fits into this machine's memory."""

import re
from pathlib import Path

BYTES_PER_CONTEXT_TOKEN = 30 * 1024
BYTES_BESIDE = 300 * 10**6  # the process itself and llama.cpp's working buffers

MEMINFO = Path("/proc/meminfo")


def estimate_memory(file_bytes: int, context_tokens: int) -> int:
    """Return how many bytes of memory a model takes."""
    return file_bytes + context_tokens * BYTES_PER_CONTEXT_TOKEN + BYTES_BESIDE


def read_available_memory() -> int | None:
    """Return how many bytes could be had without swapping, or None where nobody says."""
    if not MEMINFO.exists():
        return None
    found = re.search(r"^MemAvailable:\s+(\d+) kB", MEMINFO.read_text(), re.MULTILINE)
    return int(found[1]) * 1024 if found else None
