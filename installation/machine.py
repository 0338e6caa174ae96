import platform
import re
import shutil
from pathlib import Path

from installation.errors import InstallationError

COMPILERS = {"C": ("cc", "gcc", "clang"), "C++": ("c++", "g++", "clang++")}


def require_compiler() -> None:
    """Raise InstallationError unless a C and a C++ compiler are on the path."""
    for language, names in COMPILERS.items():
        if not any(map(shutil.which, names)):
            raise InstallationError(
                f"No {language} compiler found ({', '.join(names)}).\n"
                "On Debian or Ubuntu: apt install g++; on macOS: xcode-select --install.\n"
                "Then the same command again."
            )


def require_disk(folder: Path, needed: int, purpose: str) -> None:
    """Raise InstallationError unless the folder's disk has `needed` bytes left."""
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise InstallationError(
            f"{folder} has {free / 1e9:.1f} GB of disk left; about {needed / 1e9:.0f} GB are "
            f"needed for {purpose}.\nFree some, then the same command again."
        )


def describe_processor(cpuinfo: Path = Path("/proc/cpuinfo")) -> str:
    """Return the instruction sets this processor offers, or its name where they aren't told."""
    if not cpuinfo.exists():
        return platform.processor()
    found = re.search(r"^(?:flags|Features)\s*:(.*)$", cpuinfo.read_text(), re.MULTILINE)
    return " ".join(sorted(found[1].split())) if found else platform.processor()
