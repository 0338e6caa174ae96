import gzip
import io
import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl
import pytest

from agent.triage.arrivals import Arrivals
from agent.triage.errors import TriageError
from agent.triage.reading import open_source
from agent.triage.rows import Row, Source

SOON_S, LONG_S = 0.05, 20.0


@contextmanager
def _open(*begin: bytes) -> Iterator[tuple[Source, "io.FileIO"]]:
    """Open what comes through a pipe; yield the other end as well."""
    read, write = os.pipe()
    with io.FileIO(write, "w") as pipe:
        for data in begin:
            pipe.write(data)
        with open_source(Path("-"), stdin=read) as source:
            yield source, pipe
    os.close(read)


def _take(source: Source, count: int) -> list[str]:
    return [next(source.rows).cells["text"] for _ in range(count)]


CSV = (b"id,text\n1,one\n", b"2,two\n")
JSONL = (b'{"text": "one"}\n', b'{"text": "two"}\n')


@pytest.mark.parametrize(("first", "second"), [CSV, JSONL])
def test_a_row_is_there_as_soon_as_its_line_is(first: bytes, second: bytes) -> None:
    with _open(first) as (source, pipe):
        assert source.is_near(LONG_S)
        assert _take(source, 1) == ["one"]
        assert not source.is_near(SOON_S)
        pipe.write(second)
        assert source.is_near(LONG_S)
        assert _take(source, 1) == ["two"]
        pipe.close()
        assert source.is_near(LONG_S)
        assert list(source.rows) == []


def test_a_stream_can_be_left_while_it_stands_still() -> None:
    with _open(b"text\n") as (source, _):
        waiting = threading.Thread(target=lambda: list(source.rows))
        waiting.start()
    waiting.join(LONG_S)
    assert not waiting.is_alive()


def test_the_columns_of_a_stream_are_those_of_the_objects_that_are_here() -> None:
    lines = [b'{"id": 1}\n', b'{"text": "one"}\n']
    with _open(b"".join(lines)) as (source, _):
        assert source.header == ("id", "text")
        assert source.is_near(0)
        assert [next(source.rows).number for _ in lines] == [1, 2]


def test_a_stream_of_parquet_is_put_into_a_file_first() -> None:
    file = io.BytesIO()
    pl.DataFrame({"text": ["one", "two"]}).write_parquet(file)
    read, write = os.pipe()
    os.write(write, file.getvalue())
    os.close(write)
    with open_source(Path("-"), stdin=read) as source:
        assert _take(source, 2) == ["one", "two"]
        assert source.share() == 1
    os.close(read)


@pytest.mark.parametrize("data", [gzip.compress(b"".join(CSV)), json.dumps([{"text": "one"}])])
def test_a_stream_may_be_compressed_or_an_array(data: bytes | str) -> None:
    read, write = os.pipe()
    os.write(write, data if isinstance(data, bytes) else data.encode())
    os.close(write)
    with open_source(Path("-"), stdin=read) as source:
        assert _take(source, 1) == ["one"]
    os.close(read)


def test_what_breaks_the_stream_is_raised_after_the_rows_before_it() -> None:
    def break_off() -> Iterator[Row]:
        yield Row(1, {})
        raise TriageError("cut off")

    rows = Arrivals(break_off())
    assert next(rows).number == 1
    with pytest.raises(TriageError, match="cut off"):
        next(rows)


def test_no_more_rows_are_taken_than_can_wait_and_none_is_lost() -> None:
    taken = 0

    def count() -> Iterator[Row]:
        nonlocal taken
        for taken in range(1, 5001):
            yield Row(taken, {})

    rows = Arrivals(count(), most=10)
    assert next(rows).number == 1
    assert taken < 20
    assert [row.number for row in rows] == list(range(2, 5001))
