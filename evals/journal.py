"""What makes a run resumable: a line of JSON for every finished case."""

import json
from collections.abc import Mapping
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
    if not path.exists():
        return {}
    whole, _, cut = path.read_text(encoding="utf-8", errors="replace").rpartition("\n")
    if cut:
        path.write_text(whole + "\n" if whole else "", encoding="utf-8")
    records = [json.loads(line) for line in whole.split("\n") if line]
    return {str(record["id"]): record for record in records}
