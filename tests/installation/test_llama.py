import hashlib
import io
import subprocess
import tarfile
from pathlib import Path

import pytest

from installation.checkout import Checkout
from installation.errors import InstallationError
from installation.llama import TILES, build_wheel, fetch_source, find_folder
from installation.machine import describe_processor
from installation.pip import Pip
from installation.progress import Progress


def pack_source() -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as tar:
        member = tarfile.TarInfo("llama_cpp_python-1/pyproject.toml")
        member.size = len(b"[project]")
        tar.addfile(member, io.BytesIO(b"[project]"))
    return stream.getvalue()


SOURCE = pack_source()


class FakePip(Pip):
    """Downloads a fixed archive and builds an empty wheel; counts what it was asked."""

    def __init__(self, checkout: Checkout, archive: bytes = SOURCE) -> None:
        super().__init__(checkout, Progress(io.StringIO()))
        self._archive = archive
        self.asked: list[str] = []
        self.words: list[str] = []

    def run(self, *arguments: str, count: int = 0) -> None:
        del count
        self.asked.append(arguments[0])
        self.words.extend(arguments)
        option, name, content = {
            "download": ("--dest=", "llama_cpp_python-1.tar.gz", self._archive),
            "wheel": ("--wheel-dir=", "llama_cpp_python-1-py3-none-any.whl", b""),
        }[arguments[0]]
        (folder,) = (Path(word.removeprefix(option)) for word in arguments if option in word)
        folder.mkdir(exist_ok=True)
        (folder / name).write_bytes(content)


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    pinned = hashlib.sha256(SOURCE).hexdigest()
    lock = f"llama-cpp-python==1 \\\n    --hash=sha256:{pinned}\n"
    (tmp_path / "requirements.lock").write_text(lock)
    return Checkout(tmp_path, tmp_path / "cache")


def build(checkout: Checkout, pip: Pip) -> Path:
    return build_wheel(checkout, pip, Progress(io.StringIO()))


def test_the_wheel_is_built_once_and_nothing_else_is_left(checkout: Checkout) -> None:
    pip = FakePip(checkout)
    first = build(checkout, pip)
    assert build(checkout, pip) == first
    assert pip.asked == ["download", "wheel"]
    assert list(find_folder(checkout).iterdir()) == [first]


def test_another_checkout_takes_the_same_wheel(checkout: Checkout, tmp_path: Path) -> None:
    wheel = build(checkout, FakePip(checkout))
    root = tmp_path / "second"
    root.mkdir()
    (root / "requirements.lock").write_text(checkout.runtime_lock.read_text())
    second = Checkout(root, checkout.cache)
    pip = FakePip(second)
    assert build(second, pip) == wheel
    assert pip.asked == []


def test_a_build_that_was_cut_short_keeps_its_sources(checkout: Checkout, tmp_path: Path) -> None:
    pip = FakePip(checkout)
    first = fetch_source(checkout, tmp_path / "build", pip)
    assert fetch_source(checkout, tmp_path / "build", pip) == first
    assert pip.asked == ["download"]
    assert (first / "pyproject.toml").read_text() == "[project]"


def test_half_a_download_is_begun_anew(checkout: Checkout, tmp_path: Path) -> None:
    work = tmp_path / "build"
    (work / "unpacked" / "llama_cpp_python-0").mkdir(parents=True)
    (work / "llama_cpp_python-0.tar.gz").write_bytes(SOURCE[:9])
    assert (fetch_source(checkout, work, FakePip(checkout)) / "pyproject.toml").exists()


def test_sources_with_another_hash_are_refused(checkout: Checkout, tmp_path: Path) -> None:
    with pytest.raises(InstallationError, match=r"not what requirements\.lock names"):
        fetch_source(checkout, tmp_path / "build", FakePip(checkout, SOURCE + b"\0"))


def test_a_portable_wheel_is_kept_apart(checkout: Checkout) -> None:
    portable = Checkout(checkout.root, checkout.cache, portable=True)
    assert find_folder(portable) != find_folder(checkout)


def test_other_sources_are_kept_apart(checkout: Checkout) -> None:
    before = find_folder(checkout)
    lock = checkout.runtime_lock
    lock.write_text(lock.read_text().replace("==1", "==2"))
    assert find_folder(checkout) != before


READ_BACK = """
#include <immintrin.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
struct config {
    unsigned char palette, row, none[14];
    unsigned short bytes[16];
    unsigned char rows[16];
};
__attribute__((noinline)) static void configure(void) {
    struct config asked = {1};
    for (int tile = 0; tile < 8; tile++) { asked.bytes[tile] = 64; asked.rows[tile] = 16; }
    _tile_loadconfig(&asked);
}
int main(void) {
    struct config got;
    if (syscall(SYS_arch_prctl, 0x1023, 18)) return 2;
    configure();
    _tile_storeconfig(&got);
    for (int tile = 0; tile < 8; tile++)
        if (got.bytes[tile] != 64 || got.rows[tile] != 16) return 1;
    return 0;
}
"""


@pytest.mark.skipif("amx_tile" not in describe_processor(), reason="this processor has no AMX")
def test_tiles_are_configured_as_asked_whatever_the_compiler_leaves_out(tmp_path: Path) -> None:
    (tmp_path / "tiles.h").write_text(TILES)
    (tmp_path / "main.c").write_text(READ_BACK)
    options = ("-O3", "-mamx-tile", "-mamx-int8", "-include", "tiles.h", "main.c")
    subprocess.run(("gcc", *options), cwd=tmp_path, check=True)
    assert subprocess.run(["./a.out"], cwd=tmp_path, check=False).returncode == 0


def test_the_repair_lies_where_the_compiler_looks_for_it(checkout: Checkout) -> None:
    pip = FakePip(checkout)
    build(checkout, pip)
    header = find_folder(checkout) / "build" / "tiles.h"
    assert f'--config-settings=cmake.define.CMAKE_CXX_FLAGS=-include "{header}"' in pip.words
