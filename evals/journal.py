"""What makes a run resumable: a line of JSON for every finished case."""

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Self

Record = dict[str, Any]


class Journal:
    """The finished cases of one run, by id, in a file that only grows.

    A line that was cut off, by a kill or a full disk, is as if it had never been written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self.records = _read(path)
        self._file = path.open("a", encoding="utf-8")

    def __enter__(self) -> Self:
        """Return the journal."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the file."""
        self._file.close()

    def add(self, record: Mapping[str, Any]) -> None:
        """Keep a finished case."""
        self._file.write(json.dumps(record, ensure_ascii=False) + "\n")
        self._file.flush()
        self.records[str(record["id"])] = dict(record)


def _read(path: Path) -> dict[str, Record]:
    """Return what is whole, and cut off what is not: what is added has to begin a line."""
    if not path.exists():
        return {}
    content = path.read_bytes()
    whole = content[: content.rfind(b"\n") + 1]
    if whole != content:
        os.truncate(path, len(whole))
    return {str(record["id"]): record for record in _parse(whole.split(b"\n"))}


def _parse(lines: list[bytes]) -> Iterator[Record]:
    for line in lines:
        try:
            record = json.loads(line)
        except ValueError:
            continue
        if isinstance(record, dict) and "id" in record:
            yield record
