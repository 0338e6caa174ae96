"""Rows of ticket files, and the sources that they come from."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Row:
    """A row as it was read: its cells by column, or why it could not be read."""

    number: int
    cells: dict[str, str]
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Source:
    """An open file: its columns, and its rows, which can be read once.

    `share` tells how much of it was read, from 0 to 1, or None where that can't be known. `is_near`
    tells whether the next row, or the end, comes within so many seconds; in a file it always does.
    """

    header: tuple[str, ...]
    rows: Iterator[Row]
    share: Callable[[], float | None] = lambda: None
    is_near: Callable[[float], bool] = lambda _: True


def read_object(number: int, value: Any) -> Row:  # noqa: ANN401 - whatever JSON holds
    """Return the row of an object; anything else has a problem."""
    if not isinstance(value, dict):
        return Row(number, {}, "it is no JSON object")
    return Row(number, {name: to_text(cell) for name, cell in value.items()})


def to_text(cell: Any) -> str:  # noqa: ANN401 - whatever JSON or a column holds
    """Return a cell as text: what is no text as JSON."""
    if cell is None:
        return ""
    return cell if isinstance(cell, str) else json.dumps(cell, ensure_ascii=False, default=str)
