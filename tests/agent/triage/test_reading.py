import csv
import gzip
import json
import random
from pathlib import Path

import polars as pl
import pytest

from agent.triage.errors import TriageError
from agent.triage.exports import recognise
from agent.triage.reading import Reject, Row, check, open_source
from agent.triage.tickets import LONGEST, Ticket

ROWS = [
    {"ticket_id": "7", "text": "Wo ist mein «Paket»?\nBitte, danke; schön."},
    {"ticket_id": "8"},
]


def _read(path: Path, **options: str) -> list[Ticket | Reject]:
    with open_source(path, **options) as source:
        columns = recognise(source.header)
        return [check(row, columns) for row in source.rows]


def _write(path: Path, data: bytes) -> Path:
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def _as_csv(path: Path, delimiter: str, encoding: str) -> Path:
    with path.open("w", newline="", encoding=encoding) as file:
        writer = csv.DictWriter(file, ["ticket_id", "text"], delimiter=delimiter)
        writer.writeheader()
        writer.writerows(ROWS)
    return path


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_every_kind_of_csv_is_read(tmp_path: Path, delimiter: str, encoding: str) -> None:
    ticket, empty = _read(_as_csv(tmp_path / "in.csv", delimiter, encoding))
    assert ticket == Ticket(1, "7", ROWS[0]["text"], ROWS[0])
    assert isinstance(empty, Reject)
    assert (empty.id, empty.reason) == ("8", "it has no text")


@pytest.mark.parametrize("name", ["in.jsonl", "in.ndjson", "in.jsonl.gz", "in"])
def test_lines_of_json_are_read_compressed_or_not(tmp_path: Path, name: str) -> None:
    data = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in ROWS).encode()
    ticket, empty = _read(_write(tmp_path / name, data))
    assert isinstance(ticket, Ticket)
    assert ticket.text == ROWS[0]["text"]
    assert isinstance(empty, Reject)


def test_parquet_is_read(tmp_path: Path) -> None:
    pl.DataFrame({"id": [7, 8], "text": [ROWS[0]["text"], None]}).write_parquet(
        tmp_path / "a.parquet"
    )
    ticket, empty = _read(tmp_path / "a.parquet")
    assert isinstance(ticket, Ticket)
    assert (ticket.id, ticket.text) == ("7", ROWS[0]["text"])
    assert isinstance(empty, Reject)


def test_columns_of_one_name_are_joined_and_pasted_headers_left_out(tmp_path: Path) -> None:
    path = _write(
        tmp_path / "in.csv",
        b"Issue key,Summary,Description,Description\nA-1,One,two,three\n\n"
        b"Issue key,Summary,Description,Description\nA-2,Four,,\n",
    )
    first, second = _read(path)
    assert isinstance(first, Ticket)
    assert isinstance(second, Ticket)
    assert first.text.split() == ["One", "two", "three"]
    assert (second.row, second.text) == (2, "Four")


BAD = {
    "longer than": b"1," + b"word " * (LONGEST // 5 + 1) + b"\n",
    "--encoding": "1,schön\n".encode("cp1252"),
    "formula": b'1,"=HYPERLINK(""http://x"")"\n',
    "formula ": b"1,+cmd|' /C calc'!A0\n",
    "no text": b"1,!!!\n",
    "3 cells": b"1,a,b\n",
}


@pytest.mark.parametrize(("reason", "line"), BAD.items())
def test_a_bad_row_is_rejected_with_the_reason_and_the_next_is_read(
    tmp_path: Path, reason: str, line: bytes
) -> None:
    bad, good = _read(_write(tmp_path / "in.csv", b"id,text\n" + line + b"2,fine\n"))
    assert isinstance(bad, Reject)
    assert reason.strip() in bad.reason
    assert isinstance(good, Ticket)


def test_a_plain_minus_or_at_sign_is_no_formula(tmp_path: Path) -> None:
    lines = b"id,text\n1,-20 euros were taken\n2,@support please help\n3,+49 30 1234 is my number\n"
    assert all(isinstance(each, Ticket) for each in _read(_write(tmp_path / "in.csv", lines)))


def test_an_encoding_can_be_said(tmp_path: Path) -> None:
    path = _write(tmp_path / "in.csv", "id,text\n1,schön\n".encode("cp1252"))
    (ticket,) = _read(path, encoding="cp1252")
    assert isinstance(ticket, Ticket)
    assert ticket.text == "schön"


@pytest.mark.parametrize("line", [b"{oops\n", b"[1]\n", b'{"text": "\xff"}\n'])
def test_a_line_that_is_no_object_is_rejected(tmp_path: Path, line: bytes) -> None:
    good = b'{"id": 1, "text": "fine"}\n'
    first, bad, last = _read(_write(tmp_path / "in.jsonl", good + line + good))
    assert isinstance(bad, Reject)
    assert isinstance(first, Ticket)
    assert isinstance(last, Ticket)


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("in.csv", b"", "empty"),
        ("in.jsonl", b"", "empty"),
        ("in.parquet", b"no parquet", "can't be read"),
        ("in.csv", b'id,text\n1,"never closed\n' * 2, "quotation mark|"),
    ],
)
def test_what_is_no_table_is_said(tmp_path: Path, name: str, data: bytes, said: str) -> None:
    path = _write(tmp_path / name, data)
    if said.endswith("|"):
        assert len(_read(path)) <= 2
        return
    with pytest.raises(TriageError, match=said):
        _read(path)


def test_a_file_that_is_not_there_or_cut_off_is_said(tmp_path: Path) -> None:
    with pytest.raises(TriageError, match="no such file"):
        _read(tmp_path / "gone.csv")
    whole = gzip.compress(b"id,text\n" + b"1,some text that is here\n" * 5000)
    (tmp_path / "cut.csv.gz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(TriageError, match="cut off"):
        _read(tmp_path / "cut.csv.gz")


def test_what_a_quotation_mark_swallows_is_rejected_with_its_lines(tmp_path: Path) -> None:
    lines = b'id,text\n1,fine\n2,"never closed\n3,good\n4,good too\n'
    good, bad = _read(_write(tmp_path / "in.csv", lines))
    assert isinstance(good, Ticket)
    assert isinstance(bad, Reject)
    assert "line 3 is not closed" in bad.reason
    assert "lines 3 to 5" in bad.reason


@pytest.mark.parametrize("last", [b'2,"one\ntwo"', b'2,"one\ntwo"\n', b'2,5" pipe\n'])
def test_quotation_marks_that_are_closed_or_stand_alone_are_fine(
    tmp_path: Path, last: bytes
) -> None:
    rows = _read(_write(tmp_path / "in.csv", b'id,text\n1,5" wide,"a\nb"\n' + last))
    assert isinstance(rows[-1], Ticket)


@pytest.mark.parametrize("name", ["in.jsonl.gz", "in.csv.gz"])
@pytest.mark.parametrize("damage", ["cut", "corrupt"])
def test_a_damaged_archive_is_said_and_what_came_before_is_read(
    tmp_path: Path, name: str, damage: str
) -> None:
    line = b'{"id": 1, "text": "some text"}\n' if "jsonl" in name else b"1,some text\n"
    noise = random.Random(3).randbytes(60_000).hex().encode()
    packed = gzip.compress((b"" if "jsonl" in name else b"id,text\n") + line * 3000 + noise)
    half = len(packed) // 2
    broken = packed[:half] if damage == "cut" else packed[:half] + b"\0" * half
    (tmp_path / name).write_bytes(broken)
    seen: list[Row] = []
    with (
        pytest.raises(TriageError, match="cut off"),
        open_source(tmp_path / name) as source,
    ):
        seen.extend(source.rows)
