"""Which column of a file holds what: exports of help desks are recognised by their headers."""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from agent.triage.errors import TriageError

ID, TEXT = "id", "text"


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns of a file by what they hold; `export` is the help desk that wrote it.

    `id` may be empty: rows are then known by their number. `labels` has a column by label.
    """

    export: str
    id: str
    text: tuple[str, ...]
    labels: dict[str, str]


@cache
def _read_exports() -> list[dict[str, Any]]:
    text = Path(__file__).with_name("exports.toml").read_text(encoding="utf-8")
    exports: list[dict[str, Any]] = tomllib.loads(text)["export"]
    return exports


def recognise(header: Sequence[str], given: Mapping[str, str] | None = None) -> Columns:
    """Return the columns of a header; `given` (id=, text=, label=) comes before what is guessed.

    Raises TriageError if no column holds text, or a given one is not there.
    """
    chosen = dict(given or {})
    _refuse_missing(header, chosen)
    named = {name.strip().lower(): name for name in reversed(header)}
    export = next(each for each in _read_exports() if _has_signs(named, each["signs"]))
    text = chosen.pop(TEXT, "").split(",") if TEXT in chosen else _find_all(named, export[TEXT])
    if not text:
        raise TriageError(
            f"No column holds the tickets' text; there are: {', '.join(header)}. "
            "Name it with --map text=COLUMN."
        )
    row_id = chosen.pop(ID, "") or next(iter(_find_all(named, export[ID])), "")
    found = {label: _find_all(named, names)[:1] for label, names in export["labels"].items()}
    labels = {label: names[0] for label, names in found.items() if names} | chosen
    return Columns(export["name"], row_id, tuple(name.strip() for name in text), labels)


def _has_signs(named: Mapping[str, str], signs: Sequence[Sequence[str]]) -> bool:
    return any(all(sign in named for sign in each) for each in signs)


def _find_all(named: Mapping[str, str], names: Sequence[str]) -> list[str]:
    return [named[name] for name in names if name in named]


def _refuse_missing(header: Sequence[str], given: Mapping[str, str]) -> None:
    wanted = [name.strip() for columns in given.values() for name in columns.split(",")]
    for name in wanted:
        if name not in header:
            raise TriageError(f"There is no column {name!r}; there are: {', '.join(header)}.")
