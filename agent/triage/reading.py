"""Ticket files, row by row: CSV, JSONL and Parquet, compressed or not."""

import csv
import gzip
import io
import json
import re
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any, Literal, TypeAlias

import polars as pl
from polars.exceptions import PolarsError

from agent.triage.errors import TriageError
from agent.triage.exports import Columns
from agent.triage.tickets import LONGEST, Ticket

Stream: TypeAlias = "io.BufferedReader[Any]"
Form = Literal["csv", "jsonl", "parquet"]
STDIN = "-"
MAGIC_GZIP = b"\x1f\x8b"
PEEKED = 65_536
LONGEST_CELL = 256 * 1024 * 1024
SLICE = 20_000
DELIMITERS = ",;\t|"
SUFFIXES: dict[str, Form] = {
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
}
# What a spreadsheet would run: a sign and then a call, a reference or a pipe to a program.
FORMULA = re.compile(r"^[\s']*(=|[+\-@]\s*[A-Za-z_.]+\s*[(!|])")


@dataclass(frozen=True, slots=True)
class Row:
    """A row as it was read: its cells by column, or why it could not be read."""

    number: int
    cells: dict[str, str]
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Reject:
    """A row that is not triaged, and the reason."""

    row: int
    id: str
    reason: str
    text: str


@dataclass(frozen=True, slots=True)
class Source:
    """An open file: its columns, and its rows, which can be read once.

    `share` tells how much of it was read, from 0 to 1, or None where that can't be known.
    """

    header: tuple[str, ...]
    rows: Iterator[Row]
    share: Callable[[], float | None] = lambda: None


@contextmanager
def open_source(path: Path, *, encoding: str = "utf-8-sig") -> Iterator[Source]:
    """Open a file, or standard input for `-`. Raises TriageError if it is no table of tickets."""
    with ExitStack() as stack:
        try:
            source = _open(path, encoding, _guess_form(path), stack)
        except FileNotFoundError as error:
            raise TriageError(f"{path}: there is no such file.") from error
        except EOFError as error:
            raise TriageError(f"{path}: the file is cut off.") from error
        except (OSError, LookupError, UnicodeError, zlib.error, PolarsError) as error:
            raise TriageError(f"{path} can't be read: {error}.") from error
        yield replace(source, rows=_tell_damage(path, source.rows))


def _tell_damage(path: Path, rows: Iterator[Row]) -> Iterator[Row]:
    """Yield rows; raises TriageError where the file is damaged or cut off."""
    number = 0
    try:
        for row in rows:
            number = row.number
            yield row
    except (EOFError, OSError, zlib.error, PolarsError) as error:
        raise TriageError(
            f"After row {number} {path} can't be read on: {error}. Is it cut off? What was read is "
            "kept; with the whole file in its place the same command goes on."
        ) from error


def _open(path: Path, encoding: str, form: Form | None, stack: ExitStack) -> Source:
    if form == "parquet":
        return _open_parquet(path)
    raw: Any = sys.stdin.buffer if str(path) == STDIN else stack.enter_context(path.open("rb"))
    stream = _unzip(raw, stack)
    if form is None:
        form = "jsonl" if _peek(stream).lstrip()[:1] == b"{" else "csv"
    source = _open_csv(stream, encoding, stack) if form == "csv" else _open_jsonl(stream)
    if str(path) == STDIN:
        return source
    size = max(path.stat().st_size, 1)
    return replace(source, share=lambda: float(raw.tell() / size))


def _guess_form(path: Path) -> Form | None:
    suffixes = [suffix.lower() for suffix in path.suffixes if suffix.lower() != ".gz"]
    return SUFFIXES.get(suffixes[-1]) if suffixes else None


def _unzip(raw: Any, stack: ExitStack) -> Stream:  # noqa: ANN401 - a file, or standard input
    stream: Stream = stack.enter_context(io.BufferedReader(raw, PEEKED))
    if _peek(stream)[:2] == MAGIC_GZIP:
        unzipped: Any = stack.enter_context(gzip.GzipFile(fileobj=stream))
        return stack.enter_context(io.BufferedReader(unzipped, PEEKED))
    return stream


def _peek(stream: Stream) -> bytes:
    return stream.peek(PEEKED)


def _open_csv(stream: Stream, encoding: str, stack: ExitStack) -> Source:
    csv.field_size_limit(LONGEST_CELL)
    if _peek(stream)[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        encoding = "utf-16"
    wrapper = io.TextIOWrapper(stream, encoding, errors="surrogateescape", newline="")
    text = stack.enter_context(wrapper)
    first = text.readline()
    while first and not first.strip():
        first = text.readline()
    delimiter = max(DELIMITERS, key=first.count)
    # A header cell may itself hold a line break: the reader goes on where the line ended.
    lines = Lines(chain([first], text))
    reader = csv.reader(lines, delimiter=delimiter)
    header = next(reader, [])
    if not header:
        raise TriageError("The file is empty: its first line should name the columns.")
    return Source(tuple(dict.fromkeys(header)), _read_csv(reader, header, lines))


class Lines:
    """Lines on their way to the reader: how many it took, and whether it asked for one too many.

    A reader that is given a row by the end of the lines was inside a quotation.
    """

    def __init__(self, lines: Iterable[str]) -> None:
        self._lines = iter(lines)
        self.number = 0
        self.ended = False

    def __iter__(self) -> Iterator[str]:
        """Yield the lines."""
        for line in self._lines:
            self.number += 1
            yield line
        self.ended = True


def _read_csv(reader: Iterator[list[str]], header: list[str], lines: Lines) -> Iterator[Row]:
    number, begun = 0, lines.number + 1
    try:
        for cells in reader:
            first, begun = begun, lines.number + 1
            if not cells or cells == header:
                continue  # a blank line, or the header of another export pasted below
            number += 1
            problem = ""
            if len(cells) > len(header):
                problem = f"it has {len(cells)} cells, but the header has {len(header)}"
            if lines.ended:
                problem = (
                    f"a quotation mark in line {first} is not closed before the file ends: lines "
                    f"{first} to {lines.number} are in one cell"
                )
            yield Row(number, _gather(header, cells), problem)
    except (csv.Error, UnicodeError) as error:
        raise TriageError(
            f"After row {number} the file can't be read on: {error}. "
            "Is a quotation mark not closed, or the file cut off?"
        ) from error


def _gather(header: Sequence[str], cells: Sequence[str]) -> dict[str, str]:
    """Join the cells of columns that have the same name (Jira writes a column a comment)."""
    gathered: dict[str, str] = {}
    for name, cell in zip(header, cells, strict=False):
        before = gathered.get(name)
        gathered[name] = f"{before}\n{cell}" if before and cell else before or cell
    return gathered


def _open_jsonl(stream: Stream) -> Source:
    lines = enumerate(iter(stream.readline, b""), 1)
    rows = (_read_line(number, line) for number, line in lines if line.strip())
    begin: list[Row] = []
    for row in rows:
        begin.append(row)
        if not row.problem:
            return Source(tuple(row.cells), chain(begin, rows))
    raise TriageError(
        f"Each line should be a JSON object, but {begin[0].problem}."
        if begin
        else "The file is empty: each line should be a JSON object."
    )


def _read_line(number: int, line: bytes) -> Row:
    try:
        value = json.loads(line)
    except UnicodeDecodeError:
        return Row(number, {}, "it is not UTF-8")
    except (ValueError, RecursionError) as error:
        return Row(number, {}, f"it is no JSON ({error})")
    if not isinstance(value, dict):
        return Row(number, {}, "it is no JSON object")
    return Row(number, {name: _to_text(cell) for name, cell in value.items()})


def _to_text(cell: Any) -> str:  # noqa: ANN401 - whatever JSON or a column holds
    if cell is None:
        return ""
    return cell if isinstance(cell, str) else json.dumps(cell, ensure_ascii=False, default=str)


def _open_parquet(path: Path) -> Source:
    scan = pl.scan_parquet(path)
    return Source(tuple(scan.collect_schema().names()), _read_parquet(scan))


def _read_parquet(scan: pl.LazyFrame) -> Iterator[Row]:
    start = 0
    while not (part := scan.slice(start, SLICE).collect()).is_empty():
        for number, cells in enumerate(part.iter_rows(named=True), start + 1):
            yield Row(number, {name: _to_text(cell) for name, cell in cells.items()})
        start += len(part)


def check(row: Row, columns: Columns) -> Ticket | Reject:
    """Return the row's ticket, or why there is none."""
    row_id = row.cells.get(columns.id, "").strip() or str(row.number)
    parts = (row.cells.get(name, "").strip() for name in columns.text)
    text = "\n\n".join(part for part in parts if part)
    problem = row.problem or next((reason for applies, reason in PROBLEMS if applies(text)), "")
    if problem:
        return Reject(row.number, row_id, problem, text)
    return Ticket(row.number, row_id, text, row.cells)


def _is_broken(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:  # bytes that could not be decoded stand in it as lone surrogates
        return True
    return False


PROBLEMS: Sequence[tuple[Callable[[str], bool], str]] = (
    (lambda text: not any(map(str.isalnum, text)), "it has no text"),
    (lambda text: len(text) > LONGEST, f"its text is longer than {LONGEST:,} characters"),
    (_is_broken, "it is not in the file's encoding; say which with --encoding, such as cp1252"),
    (lambda text: bool(FORMULA.match(text)), "its text is a formula that a spreadsheet would run"),
)
