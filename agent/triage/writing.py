"""Files of results that grow batch by batch and can be cut back to a batch's end."""

import csv
import gzip
import io
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO, Protocol, Self

import polars as pl

from agent.triage.errors import TriageError

Cell = str | float | int | bool
Cells = Mapping[str, Cell]
# The last four are the first four, as wide as a Chinese character: some spreadsheets take them too.
DANGEROUS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
PART = ".part"


def defuse(cell: Cell) -> Cell:
    """Return a cell that a spreadsheet shows and does not run (OWASP, CSV injection)."""
    if isinstance(cell, str) and cell.lstrip(" ").startswith(DANGEROUS):
        return "'" + cell
    return cell


class Sink(Protocol):
    """Takes rows, batch by batch."""

    def open(self, size: int) -> Self:
        """Go on after the first `size` bytes; what is beyond them is dropped."""

    def append(self, rows: Sequence[Cells]) -> int:
        """Take rows and keep them; return the size so far."""

    def close(self) -> None:
        """Take no more rows for now."""

    def finish_once(self) -> None:
        """Take no more rows, and put what there is in its place, unless that was done."""

    def discard(self) -> None:
        """Remove what was written so far."""


class Pipe:
    """Rows as CSV to a stream that can't be cut back."""

    def __init__(self, stream: BinaryIO, columns: Sequence[str]) -> None:
        self._stream = stream
        self._columns = tuple(columns)
        self._size = 0

    def open(self, size: int) -> Self:
        """Begin; there is nothing to go on after."""
        self._size = size
        return self

    def append(self, rows: Sequence[Cells]) -> int:
        """Write rows out at once; return the size so far."""
        data = encode(rows, self._columns, as_csv=True, head=self._size == 0)
        self._stream.write(data)
        self._stream.flush()
        self._size += len(data)
        return self._size

    def close(self) -> None:
        """Leave the stream open: it is its owner's."""

    def finish_once(self) -> None:
        """Nothing is left to do."""

    def discard(self) -> None:
        """Nothing can be taken back."""


class Table:
    """Rows in a file named by its ending: .csv, .jsonl, either with .gz, or .parquet.

    Until `finish`, they stand beside it in a file that ends in `.part`.
    """

    def __init__(self, path: Path, columns: Sequence[str]) -> None:
        self._path = path
        self._columns = tuple(columns)
        suffixes = [suffix.lower() for suffix in path.suffixes]
        self._zipped = suffixes[-1:] == [".gz"]
        last = (suffixes[:-1] if self._zipped else suffixes)[-1:]
        self._form = last[0][1:] if last else "csv"
        if self._form not in {"csv", "jsonl", "ndjson", "parquet"}:
            raise TriageError(
                f"{path}: results are written as .csv, .jsonl or .parquet, "
                "the first two also with .gz."
            )
        self._part = path.with_name(path.name + PART)
        self._file: BinaryIO | None = None

    @property
    def path(self) -> Path:
        """Where the rows are once they are finished."""
        return self._path

    def open(self, size: int) -> Self:
        """Go on after the first `size` bytes; what is beyond them is dropped.

        Raises TriageError if there are fewer.
        """
        self._part.parent.mkdir(parents=True, exist_ok=True)
        if size > (self._part.stat().st_size if self._part.exists() else 0):
            raise TriageError(
                f"{self._part} is missing, or shorter than the job left it. Put it back, or begin "
                "anew with --fresh."
            )
        file = self._part.open("r+b" if self._part.exists() else "w+b")
        file.truncate(size)
        file.seek(size)
        self._file = file
        return self

    def append(self, rows: Sequence[Cells]) -> int:
        """Write rows and wait until they are on the disk; return the file's size."""
        assert self._file is not None
        head = self._form == "csv" and self._file.tell() == 0
        data = encode(rows, self._columns, as_csv=self._form == "csv", head=head)
        # Each batch is a gzip member of its own: a file of several is one file to every reader.
        self._file.write(gzip.compress(data, 6) if self._zipped and data else data)
        self._file.flush()
        os.fsync(self._file.fileno())
        return self._file.tell()

    def refuse_to_replace(self, going_on: bool) -> None:  # noqa: FBT001 - one question
        """Raise TriageError if a finished file is there and no job goes on."""
        if self._path.exists() and not going_on:
            raise TriageError(
                f"{self._path} is there already: the job is done. --fresh does it anew."
            )

    def finish(self) -> None:
        """Put the file in its place."""
        self.close()
        if self._form == "parquet":
            ready = self._part.with_name(self._part.name + ".parquet")
            schema = {name: _choose_type(name) for name in self._columns}
            pl.scan_ndjson(self._part, schema=schema).sink_parquet(ready)
            ready.replace(self._path)
            self._part.unlink()
        else:
            self._part.replace(self._path)

    def finish_once(self) -> None:
        """Put the file in its place, unless that was done before."""
        if self._part.exists():
            self.finish()

    def discard(self) -> None:
        """Remove what was written so far."""
        self.close()
        self._part.unlink(missing_ok=True)

    def close(self) -> None:
        """Close the file and leave it as it is."""
        if self._file is not None:
            self._file.close()
            self._file = None


def _choose_type(name: str) -> type[pl.DataType]:
    if name == "row":
        return pl.Int64
    return pl.Float64 if name.endswith("_confidence") else pl.String


def encode(
    rows: Sequence[Cells], columns: Sequence[str], *, as_csv: bool, head: bool = False
) -> bytes:
    """Return rows as CSV or as lines of JSON; CSV's cells are safe to open in a spreadsheet."""
    if not as_csv:
        return "".join(_to_lines(rows, columns)).encode("utf-8", "replace")
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    if head:
        writer.writerow(columns)
    writer.writerows([defuse(row.get(name, "")) for name in columns] for row in rows)
    return text.getvalue().encode("utf-8", "replace")


def _to_lines(rows: Sequence[Cells], columns: Sequence[str]) -> Iterator[str]:
    for row in rows:
        kept = {name: row.get(name, "") for name in columns}
        yield json.dumps(kept, ensure_ascii=False) + "\n"
