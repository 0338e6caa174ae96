import csv
import gzip
import io
import json
import random
import time
from pathlib import Path

import polars as pl
import pytest

from agent.triage.checking import Reject, check
from agent.triage.errors import TriageError
from agent.triage.exports import recognise
from agent.triage.objects import open_array
from agent.triage.reading import open_source
from agent.triage.tickets import LONGEST, Ticket

ROWS = [
    {"ticket_id": "7", "text": "Wo ist mein «Paket»?\nBitte, danke; schön."},
    {"ticket_id": "8"},
]


def _read(path: Path, encoding: str = "utf-8-sig") -> list[Ticket | Reject]:
    with open_source(path, encoding=encoding) as source:
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


def test_a_byte_order_mark_before_lines_of_json_is_no_matter(tmp_path: Path) -> None:
    data = b"\xef\xbb\xbf" + json.dumps(ROWS[0]).encode() + b"\n"
    for name in ("in.jsonl", "in"):
        (ticket,) = _read(_write(tmp_path / name, data * 2))[:1]
        assert isinstance(ticket, Ticket)


def test_the_columns_are_those_of_the_first_hundred_objects(tmp_path: Path) -> None:
    lines = [{"id": str(n)} for n in range(99)] + [{"text": "here", "mood": "good"}, {"late": "x"}]
    data = "".join(json.dumps(line) + "\n" for line in lines).encode()
    with open_source(_write(tmp_path / "in.jsonl", data)) as source:
        assert source.header == ("id", "text", "mood")
        assert len(list(source.rows)) == 101


@pytest.mark.parametrize("name", ["in.json", "in", "in.json.gz"])
@pytest.mark.parametrize("begin", [b"", b"\n ", b"\xef\xbb\xbf"])
def test_an_array_of_objects_is_read(tmp_path: Path, name: str, begin: bytes) -> None:
    data = begin + json.dumps([*ROWS, "no object"], indent=1).encode()
    with open_source(_write(tmp_path / name, data)) as source:
        first, second, third = (check(row, recognise(source.header)) for row in source.rows)
        assert source.share() == 1
    assert isinstance(first, Ticket)
    assert (first.row, first.text) == (1, ROWS[0]["text"])
    assert isinstance(second, Reject)
    assert "no JSON object" in str(third)


@pytest.mark.parametrize(
    ("data", "said"),
    [(b'[{"text": "a"}', "cut off"), (b"[]", "array of objects"), (b"[ {} ]", "it is empty")],
)
def test_what_is_no_array_of_objects_is_said(tmp_path: Path, data: bytes, said: str) -> None:
    with pytest.raises(TriageError, match=said):
        _read(_write(tmp_path / "in.json", data))


def test_an_array_that_is_too_large_is_refused_and_what_to_do_is_said() -> None:
    with pytest.raises(TriageError, match=r"1 MB.*jq"):
        open_array(io.BytesIO(b"[" + b" " * 2**20 + b"]"), largest=2**20)


@pytest.mark.parametrize("name", ["in.parquet", "in", "in.parquet.gz", "in [1].parquet"])
def test_parquet_is_read_whatever_its_name(tmp_path: Path, name: str) -> None:
    file = io.BytesIO()
    pl.DataFrame({"id": [1, 2], "text": ["one", "two"]}).write_parquet(file)
    with open_source(_write(tmp_path / name, file.getvalue())) as source:
        assert source.share() == 0
        rows = [next(source.rows)]
        assert source.share() == 0.5
        rows += source.rows
        assert source.share() == 1
    assert [row.cells["text"] for row in rows] == ["one", "two"]


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


def test_a_subject_that_is_a_formula_is_rejected_whatever_is_below(tmp_path: Path) -> None:
    (bad,) = _read(_write(tmp_path / "in.csv", b"id,subject,text\n1,=cmd|'/C calc'!A0,hello\n"))
    assert "formula" in str(bad)


@pytest.mark.parametrize("told", ["sep=;\n", "SEP=;\r\n", '"sep=;"\r\n', "\ufeffsep=;\n"])
def test_the_line_that_excel_writes_above_the_header_is_understood(
    tmp_path: Path, told: str
) -> None:
    path = _write(tmp_path / "in.csv", f"{told}id;text, and more;text\n1;a;b, c\n".encode())
    (ticket,) = _read(path)
    assert isinstance(ticket, Ticket)
    assert (ticket.id, ticket.text) == ("1", "b, c")


def test_files_that_were_put_together_have_a_mark_and_a_header_each(tmp_path: Path) -> None:
    one = "\ufeffid,text\n1,some text\n".encode()
    assert [row.id for row in _read(_write(tmp_path / "in.csv", one * 2))] == ["1", "1"]


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


@pytest.mark.parametrize(
    ("begin", "line"),
    [(b"id,text\n1,fine\n", 3), (b"\n\nid,text\n1,fine\n", 5), (b'id,text\n1,"a\nb"\n', 4)],
)
@pytest.mark.parametrize(
    "below",
    [b"3,good\n4,good too\n", b'3,good\n4,"good\ntoo"\n', b'3,"good, ""so"""\n4,good too'],
)
def test_a_quotation_mark_that_is_not_closed_costs_its_own_line_alone(
    tmp_path: Path, begin: bytes, line: int, below: bytes
) -> None:
    data = begin + b'2,"never closed\n' + below
    first, bad, *others = _read(_write(tmp_path / "in.csv", data))
    assert isinstance(first, Ticket)
    assert isinstance(bad, Reject)
    assert (bad.row, bad.id, bad.text) == (2, "2", "never closed")
    assert f"a quotation mark in line {line} is not closed" in bad.reason
    assert [(each.row, each.id, each.text[:4]) for each in others] == [
        (3, "3", "good"),
        (4, "4", "good"),
    ]


def test_each_quotation_mark_that_is_not_closed_is_told(tmp_path: Path) -> None:
    path = _write(tmp_path / "in.csv", b'id,text\n1,"one\n2,two\n3,"three\n4,four\n5,"five')
    rows = _read(path)
    assert [isinstance(row, Ticket) for row in rows] == [False, True, False, True, False]
    assert "line 6 is" in str(rows[-1])


def test_a_quotation_mark_in_a_cell_that_is_closed_is_fine(tmp_path: Path) -> None:
    (ticket,) = _read(_write(tmp_path / "in.csv", b'id,text\n1,"a "good" one"\n'))
    assert isinstance(ticket, Ticket)


def test_a_header_whose_quotation_mark_is_not_closed_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TriageError, match="name the columns can't be read: a quotation mark in"):
        _read(_write(tmp_path / "in.csv", b'id,"text\n1,one\n2,two\n'))


def test_the_swallowed_rows_of_a_long_file_are_read_again_in_no_time(tmp_path: Path) -> None:
    lines = b'1,"never closed\n' + b"2,good\n" * 100_000
    begun = time.perf_counter()
    assert len(_read(_write(tmp_path / "in.csv", b"id,text\n" + lines))) == 100_001
    assert time.perf_counter() - begun < 20


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
    with (
        pytest.raises(TriageError, match=r"After row .* cut off"),
        open_source(tmp_path / name) as source,
    ):
        list(source.rows)
