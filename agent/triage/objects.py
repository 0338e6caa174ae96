"""JSON: an object a line, or an array of objects."""

import json
from collections import deque
from collections.abc import Callable, Iterator
from typing import IO, Any

from agent.triage.errors import TriageError
from agent.triage.rows import Row, Source, read_object

MARK = b"\xef\xbb\xbf"
SURVEYED = 100
PATIENCE_S = 0.2
LARGEST_ARRAY = 256 * 1024 * 1024


def read_lines(stream: IO[bytes]) -> Iterator[Row]:
    """Yield the object of each line that is not blank; a file's rows are its lines."""
    for number, line in enumerate(iter(stream.readline, b""), 1):
        told = line.removeprefix(MARK).strip()
        if told:
            yield _read_line(number, told)


def survey(rows: Iterator[Row], is_near: Callable[[float], bool] = lambda _: True) -> Source:
    """Return rows with the columns of the first hundred, or of those that are here by now.

    Raises TriageError if none of them is an object.
    """
    ahead: deque[Row] = deque()
    header: dict[str, None] = {}
    for row in rows:
        ahead.append(row)
        header.update(dict.fromkeys(row.cells))
        if header and (len(ahead) >= SURVEYED or not is_near(PATIENCE_S)):
            break
    if not ahead:
        raise TriageError("The file is empty: each line should be a JSON object.")
    if not header:
        problem = ahead[0].problem or "it is empty"
        raise TriageError(f"Each line should be a JSON object, but of the first {problem}.")
    return Source(
        tuple(header), _go_on(ahead, rows), is_near=lambda wait: bool(ahead) or is_near(wait)
    )


def _go_on(ahead: deque[Row], rows: Iterator[Row]) -> Iterator[Row]:
    while ahead:
        yield ahead.popleft()
    yield from rows


def _read_line(number: int, line: bytes) -> Row:
    try:
        return read_object(number, json.loads(line))
    except UnicodeDecodeError:
        return Row(number, {}, "it is not UTF-8")
    except (ValueError, RecursionError) as error:
        return Row(number, {}, f"it is no JSON ({error})")


def open_array(stream: IO[bytes], *, largest: int = LARGEST_ARRAY) -> Source:
    """Return the objects of an array, which is read whole; raises TriageError if it is none."""
    data = stream.read(largest + 1)
    if len(data) > largest:
        raise TriageError(
            f"A JSON array can have {largest // 2**20} MB, this one is larger. Write an "
            "object a line instead: jq -c '.[]' in.json > in.jsonl"
        )
    values = _read_array(data)
    done = 0

    def read() -> Iterator[Row]:
        nonlocal done
        for done, value in enumerate(values, 1):
            yield read_object(done, value)

    source = survey(read())
    return Source(source.header, source.rows, lambda: done / len(values))


def _read_array(data: bytes) -> list[Any]:
    try:
        values = json.loads(data.removeprefix(MARK))
    except (ValueError, RecursionError) as error:
        raise TriageError(f"The JSON array can't be read: {error}. Is it cut off?") from error
    if not isinstance(values, list) or not values:
        raise TriageError("There should be a JSON array of objects, or an object a line.")
    return values
