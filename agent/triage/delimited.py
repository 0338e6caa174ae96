"""Tables as CSV: any delimiter, quotation marks that were not closed, headers pasted below."""

import csv
import io
import re
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from typing import Any, NamedTuple

from agent.triage.errors import TriageError
from agent.triage.rows import Row, Source

LONGEST_CELL = 256 * 1024 * 1024
DELIMITERS = ",;\t|"
MARK = "\ufeff"
MARKS_UTF16 = (b"\xff\xfe", b"\xfe\xff")
# What Excel writes above the header, for itself.
SEPARATOR = re.compile(r'"?sep=(.)"?\s*', re.IGNORECASE)


class Lines:
    """Lines on their way to the reader; it may give back those that are not of the row at hand.

    `taken` are the row's lines so far, `number` counts all that were taken.
    """

    def __init__(self, lines: Iterable[str]) -> None:
        self._lines = iter(lines)
        self._returned: deque[str] = deque()
        self.taken: list[str] = []
        self.number = 0

    def __iter__(self) -> Iterator[str]:
        """Return itself: lines are taken once, unless they are given back."""
        return self

    def __next__(self) -> str:
        """Take a line; files that were put together have a byte order mark before each header."""
        line = self._returned.popleft() if self._returned else next(self._lines)
        self.taken.append(line)
        self.number += 1
        return line.removeprefix(MARK)

    def give_back(self, count: int) -> None:
        """Let the last lines be taken again."""
        kept = len(self.taken) - count
        self._returned.extendleft(reversed(self.taken[kept:]))
        del self.taken[kept:]
        self.number -= count


class Record(NamedTuple):
    """The cells of a row as they stand there, and what is wrong with its quotation marks."""

    cells: list[str]
    problem: str = ""


def open_csv(stream: "io.BufferedReader[Any]", encoding: str, stack: ExitStack) -> Source:
    """Return the rows of a stream of text. Raises TriageError if no line names the columns."""
    csv.field_size_limit(LONGEST_CELL)
    if stream.peek(2)[:2] in MARKS_UTF16:
        encoding = "utf-16"
    text = io.TextIOWrapper(stream, encoding, errors="surrogateescape", newline="")
    lines = Lines(stack.enter_context(text))
    delimiter = _find_delimiter(lines)
    records = _read_records(lines, delimiter)
    header = next(records, Record([]))
    if not header.cells:
        raise TriageError("The file is empty: its first line should name the columns.")
    if header.problem:
        raise TriageError(f"The line that should name the columns can't be read: {header.problem}.")
    return Source(tuple(dict.fromkeys(header.cells)), _read_rows(records, header.cells))


def _find_delimiter(lines: Lines) -> str:
    """Take the lines before the header, and tell what parts its cells."""
    for line in lines:
        if told := SEPARATOR.fullmatch(line):
            return told[1]
        if line.strip():
            lines.give_back(1)
            return max(DELIMITERS, key=line.count)
    return DELIMITERS[0]


def _read_records(lines: Lines, delimiter: str) -> Iterator[Record]:
    """Yield what is not blank; a quotation mark that swallows other rows is its line's alone."""
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    while True:
        lines.taken.clear()
        try:
            record = Record(next(reader))
        except StopIteration:
            return
        except csv.Error:
            record = _mend(lines, delimiter)
        if record.cells:
            yield record


def _mend(lines: Lines, delimiter: str) -> Record:
    """Read the first line taken by itself. What comes below it is read anew."""
    others = len(lines.taken) - 1
    lines.give_back(others)
    # A blank line below stays one, unless a quotation mark is still open.
    cells, *below = csv.reader([lines.taken[0], "\n"], delimiter=delimiter)
    if below and not others:
        return Record(cells)
    where = f"a quotation mark in line {lines.number}"
    return Record(cells, f"{where} is not closed, or one within its text is not doubled")


def _read_rows(records: Iterator[Record], header: list[str]) -> Iterator[Row]:
    number = 0
    try:
        for cells, problem in records:
            if cells == header:
                continue  # the header of another export pasted below
            number += 1
            if len(cells) > len(header) and not problem:
                problem = f"it has {len(cells)} cells, but the header has {len(header)}"  # noqa: PLW2901
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
