"""Trained classifiers on disk: versions that say what they were trained on."""

import hashlib
import json
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agent.triage.classifier import Classifier, Known
from agent.triage.errors import TriageError
from agent.triage.features import Features
from agent.triage.hearing import Hearing
from agent.triage.judging import Judge, Views
from agent.triage.novelty import Novelty
from agent.triage.stacking import Stack
from agent.triage.views import Linear, Words

CARD, MODEL, ARRAYS, CURRENT = "card.json", "model.json", "arrays.npz", "current"
FORM = 1
Arrays = dict[str, NDArray[Any]]
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Artefact:
    """A classifier and its card: when and on what it was trained, and how well it did."""

    version: str
    classifier: Classifier
    card: Json


class Shelf:
    """The versions in a folder; one of them is the current one."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def save(self, classifier: Classifier, card: Json, created: datetime) -> Artefact:
        """Write a new version, whole or not at all, and make it the current one."""
        self._folder.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(prefix=".new-", dir=self._folder))
        try:
            sha256 = _write(classifier, work)
            version = f"{created:%Y%m%dT%H%M%S}-{sha256[:8]}"
            full = {"version": version, "created": created.isoformat(), "sha256": sha256, **card}
            (work / CARD).write_text(_to_json(full, indent=2), encoding="utf-8")
            work.chmod(0o755)
            work.rename(self._folder / version)
        except BaseException:
            shutil.rmtree(work, ignore_errors=True)
            raise
        self._point_to(version)
        return Artefact(version, classifier, full)

    def load(self, version: str | None = None) -> Artefact:
        """Read a version, or the current one. Raises TriageError if it is not there or damaged."""
        chosen = version or self.read_current()
        card, folder = self.read_card(chosen), self._folder / chosen
        try:
            if _hash(folder) != card["sha256"]:
                raise TriageError(f"{folder} was changed or damaged; train anew.")
            return Artefact(chosen, _read(folder), card)
        except (OSError, ValueError, KeyError) as error:
            raise TriageError(f"{folder} can't be read ({error}); train anew.") from error

    def read_card(self, version: str) -> Json:
        """Return what a version was trained on; raises TriageError if it is not there."""
        path = self._folder / version / CARD
        if Path(version).name != version or not path.exists():
            known = ", ".join(self.list_versions()) or "none"
            raise TriageError(f"There is no trained version {version!r}; there are: {known}.")
        try:
            card: Json = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise TriageError(f"{path} can't be read ({error}); train anew.") from error
        return card

    def list_versions(self) -> list[str]:
        """Return all versions, the oldest first."""
        return sorted(path.parent.name for path in self._folder.glob(f"*/{CARD}"))

    def read_current(self) -> str:
        """Return the name of the current version; raises TriageError if nothing is trained."""
        path = self._folder / CURRENT
        if not path.exists():
            raise TriageError(
                "No classifier is trained yet. `frontdesk train triage HISTORY --label COLUMN` "
                "learns from labelled tickets, `--categories FILE` from names and descriptions."
            )
        return path.read_text(encoding="utf-8").strip()

    def _point_to(self, version: str) -> None:
        new = self._folder / f".{CURRENT}"
        new.write_text(version + "\n", encoding="utf-8")
        new.replace(self._folder / CURRENT)


def _to_json(value: object, indent: int | None = None) -> str:
    return json.dumps(value, ensure_ascii=False, indent=indent)


def _hash(folder: Path) -> str:
    digest = hashlib.sha256()
    for name in (MODEL, ARRAYS):
        with (folder / name).open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()


def _write(classifier: Classifier, folder: Path) -> str:
    arrays: Arrays = dict(_list_arrays(classifier))
    np.savez(folder / ARRAYS, **arrays)  # type: ignore[arg-type]
    known = classifier.known
    model = {
        "form": FORM,
        "words": classifier.words.names,
        "judges": [_describe(judge) for judge in classifier.judges],
        "scope": [asdict(novelty) for novelty in classifier.scope],
        "hearing": {
            "words": classifier.hearing.words.names,
            "alarm": classifier.hearing.alarm,
            "names": classifier.hearing.names,
        },
        "languages": classifier.languages,
        "known": {"texts": known.texts, "categories": known.categories},
    }
    (folder / MODEL).write_text(_to_json(model), encoding="utf-8")
    return _hash(folder)


def _list_arrays(classifier: Classifier) -> Iterator[tuple[str, NDArray[Any]]]:
    yield "idf", classifier.words.weights
    # Half precision moves a cosine by less than 0.001, and halves the file.
    for place, vectors in enumerate(classifier.known.features.vectors):
        yield f"known-{place}", vectors.astype(np.float16)
    exact = classifier.known.exact
    names = {name: place for place, name in enumerate(classifier.judges[0].names)}
    yield "exact", np.fromiter(exact, np.uint64, len(exact))
    yield "exact-places", np.fromiter((names[each] for each in exact.values()), np.int32)
    hearing = classifier.hearing
    yield "hearing-idf", hearing.words.weights
    yield from _list_linear("suspicion", hearing.suspicion)
    yield from _list_linear("sentiment", hearing.sentiment)
    for place, judge in enumerate(classifier.judges):
        for view, linear in enumerate(judge.views.linears):
            yield from _list_linear(f"{place}-{view}", linear)


def _list_linear(name: str, linear: Linear) -> Iterator[tuple[str, NDArray[Any]]]:
    yield f"{name}-weights", linear.weights
    yield f"{name}-bias", linear.bias


def _describe(judge: Judge) -> Json:
    return {
        "label": judge.label,
        "names": judge.names,
        "views": len(judge.views.linears),
        "stacks": [stack.weights for stack in judge.stacks],
        "escalate": judge.escalate,
        "threshold": judge.threshold,
    }


def _read(folder: Path) -> Classifier:
    model = json.loads((folder / MODEL).read_text(encoding="utf-8"))
    if model["form"] != FORM:
        raise ValueError(f"its form is {model['form']}, this version reads {FORM}")
    with np.load(folder / ARRAYS, allow_pickle=False) as arrays:
        words = Words.load(model["words"], arrays["idf"])
        return Classifier(
            words,
            _restore_hearing(model["hearing"], arrays),
            tuple(_restore(place, judge, arrays) for place, judge in enumerate(model["judges"])),
            tuple(Novelty(**novelty) for novelty in model["scope"]),
            _restore_known(model, words, arrays),
            tuple(model["languages"]),
        )


def _restore_known(model: Json, words: Words, arrays: Any) -> Known:  # noqa: ANN401 - numpy's
    texts = tuple(model["known"]["texts"])
    vectors = tuple(
        arrays[f"known-{place}"].astype(np.float32) for place in range(len(model["scope"]) - 1)
    )
    names = model["judges"][0]["names"]
    exact = {
        key: names[place]
        for key, place in zip(
            arrays["exact"].tolist(), arrays["exact-places"].tolist(), strict=True
        )
    }
    categories = tuple(model["known"]["categories"])
    return Known(texts, categories, Features(words.read(texts), vectors), exact)


def _restore_hearing(saved: Json, arrays: Any) -> Hearing:  # noqa: ANN401 - numpy's archive
    return Hearing(
        Words.load(saved["words"], arrays["hearing-idf"]),
        _restore_linear("suspicion", arrays),
        saved["alarm"],
        _restore_linear("sentiment", arrays),
        tuple(saved["names"]),
    )


def _restore_linear(name: str, arrays: Any) -> Linear:  # noqa: ANN401 - numpy's archive
    return Linear(arrays[f"{name}-weights"], arrays[f"{name}-bias"])


def _restore(place: int, judge: Json, arrays: Any) -> Judge:  # noqa: ANN401 - numpy's archive
    linears = [_restore_linear(f"{place}-{view}", arrays) for view in range(judge["views"])]
    return Judge(
        judge["label"],
        tuple(judge["names"]),
        Views(tuple(linears)),
        tuple(Stack(tuple(weights)) for weights in judge["stacks"]),
        tuple(judge["escalate"]),
        judge["threshold"],
    )
