from pathlib import Path

from evals.journal import Journal


def test_what_was_added_is_there_the_next_time(tmp_path: Path) -> None:
    with Journal(tmp_path / "run.jsonl") as journal:
        journal.add({"id": "a", "text": "Grüße\u2028and more"})
    with Journal(tmp_path / "run.jsonl") as journal:
        assert journal.records == {"a": {"id": "a", "text": "Grüße\u2028and more"}}


def test_a_line_that_was_cut_off_is_done_again(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    with Journal(path) as journal:
        journal.add({"id": "a"})
        journal.add({"id": "b", "text": "long"})
    path.write_bytes(path.read_bytes()[:-5])
    with Journal(path) as journal:
        assert list(journal.records) == ["a"]
        journal.add({"id": "b", "text": "again"})
    with Journal(path) as journal:
        assert journal.records["b"]["text"] == "again"


def test_a_line_that_is_no_record_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    path.write_bytes(b'{"id": "a"}\n\xff{"id"\n[1]\n{"id": "b"}\n')
    with Journal(path) as journal:
        assert list(journal.records) == ["a", "b"]


def test_a_file_of_one_cut_line_is_an_empty_journal(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    path.write_text('{"id": "a", "te')
    with Journal(path) as journal:
        assert journal.records == {}
        journal.add({"id": "a"})
    assert path.read_text() == '{"id": "a"}\n'
