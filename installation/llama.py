"""The wheel of llama-cpp-python, compiled for this processor and kept for other checkouts."""

import hashlib
import platform
import shutil
import sys
import tarfile
from pathlib import Path

from installation.checkout import Checkout
from installation.errors import InstallationError
from installation.files import cut_package, digest, hold, write
from installation.machine import describe_processor, require_compiler, require_disk
from installation.pip import Pip
from installation.progress import Progress

NAME = "llama-cpp-python"
DISK_TO_BUILD = 10**9
# GCC 12, Debian's, names eight bytes of 64 as what `_tile_loadconfig` reads. It then drops most of
# what AMX's tiles are configured with, and the model's process dies on processors that have them.
TILES = """\
#if defined(__AMX_TILE__)
#include <immintrin.h>
static inline void load_whole_tile_config(const void *config) {
    __asm__ volatile("ldtilecfg %0" : : "m"(*(const char (*)[64])config));
}
#undef _tile_loadconfig
#define _tile_loadconfig load_whole_tile_config
#endif
"""


def find_folder(checkout: Checkout) -> Path:
    """Return the cache's folder for wheels that fit this lock, these options and this machine."""
    parts = (
        cut_package(checkout.runtime_lock, NAME),
        *list_options(checkout),
        TILES,
        sys.implementation.cache_tag,
        platform.system(),
        platform.machine(),
        *platform.libc_ver(),
        "any" if checkout.portable else describe_processor(),
    )
    return checkout.cache / "wheels" / digest("\n".join(parts))[:16]


def list_options(checkout: Checkout) -> list[str]:
    """Return CMake's settings: this processor's instructions, and no image input (unused here)."""
    native = "OFF" if checkout.portable else "ON"
    return [
        f"cmake.define.GGML_NATIVE={native}",
        "cmake.define.LLAVA_BUILD=OFF",
    ]


def build_wheel(checkout: Checkout, pip: Pip, progress: Progress) -> Path:
    """Return the wheel, built if the cache has none.

    Sources and objects have fixed places until the wheel is there, so that a build that was cut
    short goes on with the next file. pip's own cache of built wheels is passed by: it doesn't
    know for which processor it built. Raises InstallationError without a compiler or disk.
    """
    folder = find_folder(checkout)
    folder.mkdir(parents=True, exist_ok=True)
    waiting = "      another checkout is building the same; waiting for it"
    with hold(folder, lambda: progress.say(waiting)):
        if ready := sorted(folder.glob("*.whl")):
            return ready[0]
        require_compiler()
        require_disk(folder, DISK_TO_BUILD, "building llama-cpp-python")
        target = "any processor" if checkout.portable else "this processor"
        progress.say(f"      compiling for {target}: about 5 minutes on two cores, once")
        progress.say(f"      kept in {folder} for other checkouts")
        return _compile(checkout, folder, pip)


def _compile(checkout: Checkout, folder: Path, pip: Pip) -> Path:
    work = folder / "build"
    source = fetch_source(checkout, work, pip)
    header = work / "tiles.h"
    write(header, TILES)
    settings = [
        f"build-dir={work / 'objects'}",
        f'cmake.define.CMAKE_CXX_FLAGS=-include "{header}"',
        *list_options(checkout),
    ]
    pip.run(
        *("wheel", "--verbose", "--no-deps", f"--wheel-dir={work / 'out'}", str(source)),
        *(f"--config-settings={setting}" for setting in settings),
    )
    (built,) = (work / "out").glob("*.whl")
    wheel = built.replace(folder / built.name)
    shutil.rmtree(work)
    return wheel


def fetch_source(checkout: Checkout, work: Path, pip: Pip) -> Path:
    """Download and unpack the sources the lock names.

    Raises InstallationError if what came isn't what the lock names.
    """
    source = work / "source"
    if source.exists():
        return source
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    pinned = cut_package(checkout.runtime_lock, NAME)
    requirement = work / "requirement.txt"
    write(requirement, pinned)
    pip.run(
        *("download", "--no-deps", f"--no-binary={NAME}", "--require-hashes"),
        *("--progress-bar=raw", f"--dest={work}", f"--requirement={requirement}"),
    )
    (archive,) = work.glob("*.tar.gz")
    if hashlib.sha256(archive.read_bytes()).hexdigest() not in pinned:
        raise InstallationError(f"{archive} is not what requirements.lock names; delete it.")
    with tarfile.open(archive) as tar:
        tar.extractall(work / "unpacked", filter="data")
    (unpacked,) = (work / "unpacked").iterdir()
    return unpacked.replace(source)
