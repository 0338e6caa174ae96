import csv
import gzip
import io
import json
from pathlib import Path

import polars as pl
import pytest

from agent.triage.errors import TriageError
from agent.triage.writing import PART, Cells, Pipe, Table, defuse

COLUMNS = ("row", "text", "category_confidence")
FIRST: list[Cells] = [{"row": 1, "text": "Wo, «ist» es?\nDa.", "category_confidence": 0.5}]
SECOND: list[Cells] = [{"row": 2, "text": "=1+1", "category_confidence": 1.0}]


def _read(path: Path) -> list[list[str]]:
    data = path.read_bytes()
    if path.suffix == ".gz":
        data, path = gzip.decompress(data), path.with_suffix("")
    if path.suffix == ".parquet":
        return [[str(cell) for cell in row] for row in pl.read_parquet(path).rows()]
    text = data.decode()
    if path.suffix == ".csv":
        return list(csv.reader(io.StringIO(text, newline="")))[1:]
    return [[str(cell) for cell in json.loads(line).values()] for line in text.splitlines()]


@pytest.mark.parametrize("name", ["o.csv", "o.jsonl", "o.csv.gz", "o.jsonl.gz", "o.parquet"])
def test_rows_come_back_and_what_was_cut_off_does_not(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    table = Table(path, COLUMNS).open(0)
    size = table.append(FIRST)
    table.append([{"row": 99, "text": "half written", "category_confidence": 0.0}])
    table.close()
    assert not path.exists()
    again = Table(path, COLUMNS).open(size)
    again.append(SECOND)
    again.finish()
    quoted = "'=1+1" if ".csv" in name else "=1+1"
    assert _read(path) == [["1", FIRST[0]["text"], "0.5"], ["2", quoted, "1.0"]]
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    "cell", ["=cmd", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "  =1", "\uff1d1"]
)
def test_what_a_spreadsheet_would_run_is_quoted(cell: str) -> None:
    assert defuse(cell) == "'" + cell


@pytest.mark.parametrize("cell", ["plain", "a=b", -1.5, 3, True, ""])
def test_other_cells_stay_as_they_are(cell: str | float | bool) -> None:  # noqa: FBT001 - a cell
    assert defuse(cell) == cell


def test_an_ending_that_is_no_table_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TriageError, match=r"\.csv, \.jsonl or \.parquet"):
        Table(tmp_path / "out.xlsx", COLUMNS)


def test_a_finished_file_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "o.csv").write_text("mine")
    with pytest.raises(TriageError, match="--fresh"):
        Table(tmp_path / "o.csv", COLUMNS).refuse_to_replace(going_on=False)


def test_a_table_that_is_discarded_leaves_nothing(tmp_path: Path) -> None:
    table = Table(tmp_path / "o.csv", COLUMNS).open(0)
    table.append(FIRST)
    assert (tmp_path / f"o.csv{PART}").exists()
    table.discard()
    assert list(tmp_path.iterdir()) == []


def test_a_pipe_writes_the_header_once() -> None:
    stream = io.BytesIO()
    pipe = Pipe(stream, COLUMNS).open(0)
    pipe.append([])
    pipe.append(FIRST)
    pipe.append(SECOND)
    pipe.finish_once()
    text = stream.getvalue().decode()
    assert text.count("row,text") == 1
    assert len(list(csv.reader(io.StringIO(text, newline="")))) == 3
