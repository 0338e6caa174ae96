"""Ticket files, row by row: CSV, JSON and Parquet, compressed or not, from a disk or a stream."""

import csv
import gzip
import io
import re
import shutil
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, TypeAlias

import polars as pl
from polars.exceptions import PolarsError

from agent.triage.arrivals import Arrivals
from agent.triage.delimited import open_csv
from agent.triage.errors import TriageError
from agent.triage.objects import MARK, open_array, read_lines, survey
from agent.triage.rows import Row, Source, to_text

Stream: TypeAlias = "io.BufferedReader[Any]"
Form = Literal["csv", "jsonl", "json", "parquet"]
STDIN = "-"
STDIN_NUMBER = 0
MAGIC_GZIP = b"\x1f\x8b"
PEEKED = 65_536
SLICE = 20_000
SUFFIXES: dict[str, Form] = {
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
}
SIGNS: dict[Form, re.Pattern[bytes]] = {
    "parquet": re.compile(b"PAR1"),
    "json": re.compile(rb"\[\s*(?:[{\]]|$)"),
    "jsonl": re.compile(rb"\{"),
}
DAMAGES = (EOFError, OSError, zlib.error, PolarsError)


@contextmanager
def open_source(
    path: Path, *, encoding: str = "utf-8-sig", stdin: int = STDIN_NUMBER
) -> Iterator[Source]:
    """Open a file, or for `-` the descriptor `stdin`; blocks until the first rows are there.

    Raises TriageError if it is no table of tickets.
    """
    with ExitStack() as stack:
        try:
            if str(path) == STDIN:
                source = _open_stream(stdin, encoding, stack)
            else:
                source = _open_file(path, encoding, stack)
        except FileNotFoundError as error:
            raise TriageError(f"{path}: there is no such file.") from error
        except EOFError as error:
            raise TriageError(f"{path}: the file is cut off.") from error
        except (*DAMAGES, LookupError, UnicodeError, csv.Error) as error:
            raise TriageError(f"{path} can't be read: {error}.") from error
        yield replace(source, rows=_tell_damage(path, source.rows))


def _tell_damage(path: Path, rows: Iterator[Row]) -> Iterator[Row]:
    """Yield rows; raises TriageError where the file is damaged or cut off."""
    number = 0
    try:
        for row in rows:
            number = row.number
            yield row
    except DAMAGES as error:
        raise TriageError(
            f"After row {number} {path} can't be read on: {error}. Is it cut off? What was read is "
            "kept; with the whole file in its place the same command goes on."
        ) from error


def _open_file(path: Path, encoding: str, stack: ExitStack) -> Source:
    raw = stack.enter_context(path.open("rb", buffering=0))
    stream = _unzip(raw, stack)
    form = _find_form(path, stream)
    if form == "parquet":
        return _open_parquet(path if stream.raw is raw else _spool(stream, stack))
    if form == "json":
        return open_array(stream)
    source = open_csv(stream, encoding, stack) if form == "csv" else survey(read_lines(stream))
    size = max(path.stat().st_size, 1)
    return replace(source, share=lambda: raw.tell() / size)


def _open_stream(number: int, encoding: str, stack: ExitStack) -> Source:
    # What reads it is not closed: that would wait for a thread which waits for the stream.
    left_open = ExitStack()
    raw = open(number, "rb", buffering=0, closefd=False)  # noqa: SIM115 - as said
    stream = _unzip(raw, left_open)
    form = _find_form(Path(STDIN), stream)
    if form == "parquet":
        return _open_parquet(_spool(stream, stack))
    if form == "json":
        return open_array(stream)
    table = open_csv(stream, encoding, left_open) if form == "csv" else None
    rows = Arrivals(table.rows if table else read_lines(stream))
    stack.callback(rows.close)
    if table is None:
        return survey(rows, rows.is_near)
    return replace(table, rows=rows, is_near=rows.is_near)


def _unzip(raw: io.FileIO, stack: ExitStack) -> Stream:
    stream: Stream = stack.enter_context(io.BufferedReader(raw, PEEKED))
    if _peek(stream)[:2] == MAGIC_GZIP:
        unzipped: Any = stack.enter_context(gzip.GzipFile(fileobj=stream))
        return stack.enter_context(io.BufferedReader(unzipped, PEEKED))
    return stream


def _peek(stream: Stream) -> bytes:
    return stream.peek(PEEKED)


def _find_form(path: Path, stream: Stream) -> Form:
    """Return a file's form by its name, or else by what it begins with."""
    suffixes = [suffix.lower() for suffix in path.suffixes if suffix.lower() != ".gz"]
    if form := SUFFIXES.get(suffixes[-1]) if suffixes else None:
        return form
    begin = _peek(stream).removeprefix(MARK).lstrip()
    return next((form for form, sign in SIGNS.items() if sign.match(begin)), "csv")


def _spool(stream: Stream, stack: ExitStack) -> Path:
    """Put a stream into a file that is removed in the end: Parquet's columns stand at its end."""
    path = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "spooled.parquet"
    with path.open("wb") as file:
        shutil.copyfileobj(stream, file)
    return path


def _open_parquet(path: Path) -> Source:
    scan = pl.scan_parquet(path, glob=False)
    count = max(int(scan.select(pl.len()).collect().item()), 1)
    done = 0

    def read() -> Iterator[Row]:
        nonlocal done
        while not (part := scan.slice(done, SLICE).collect()).is_empty():
            for done, cells in enumerate(part.iter_rows(named=True), done + 1):  # noqa: B020
                yield Row(done, {name: to_text(cell) for name, cell in cells.items()})

    return Source(tuple(scan.collect_schema().names()), read(), lambda: done / count)
