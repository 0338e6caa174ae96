import json
from pathlib import Path

import pytest

from evals.errors import SuiteError
from evals.suites import Suite, read_suite
from tests.evals.conftest import ARTICLES, CASES, write_suite


def test_a_suite_is_read_with_fields_that_nobody_knows(suite: Suite) -> None:
    assert [case.id for case in suite.cases] == ["refund", "parking", "horse"]
    assert suite.cases[1].history[0].role == "customer"
    assert suite.cases[0].relevant == ("refund-times",)
    assert {article.id for article in suite.articles} == {"refund-times", "parking", "pool"}
    assert suite.name == "tiny"


def test_the_hash_follows_the_files(suite: Suite, tmp_path: Path) -> None:
    assert read_suite(write_suite(tmp_path / "same")).sha256 == suite.sha256
    assert read_suite(write_suite(tmp_path / "fewer", CASES[:1])).sha256 != suite.sha256


def test_a_sample_is_the_same_each_time_and_no_more_than_there_is(suite: Suite) -> None:
    assert suite.sample(2) == suite.sample(2)
    assert len(suite.sample(2)) == 2
    assert suite.sample(99) == suite.sample(None) == list(suite.cases)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{not json", "line 4 is not JSON"),
        (json.dumps(CASES[0] | {"id": "x", "expect": "sing"}), "line 4: expect"),
        (json.dumps({"id": "x"}), "line 4: question"),
        ("[1, 2]", "line 4"),
        (json.dumps(CASES[0]), "line 4: two cases have the id 'refund'"),
        (
            json.dumps(CASES[0] | {"id": "x", "relevant": ["gone"]}),
            "line 4: case 'x' calls 'gone'",
        ),
    ],
)
def test_a_bad_case_is_named(tmp_path: Path, line: str, said: str) -> None:
    folder = write_suite(tmp_path / "bad")
    with (folder / "cases.jsonl").open("a") as file:
        file.write(line + "\n")
    with pytest.raises(SuiteError, match=r"cases\.jsonl") as raised:
        read_suite(folder)
    assert said in str(raised.value)


def test_a_line_separator_within_a_question_ends_no_line(tmp_path: Path) -> None:
    case = CASES[0] | {"question": "When\u2028does it come?"}
    folder = write_suite(tmp_path / "separated")
    (folder / "cases.jsonl").write_text("\ufeff" + json.dumps(case, ensure_ascii=False) + "\r\n")
    assert read_suite(folder).cases[0].question == "When\u2028does it come?"


def test_a_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    folder = write_suite(tmp_path / "bad")
    (folder / "cases.jsonl").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SuiteError, match=r"cases\.jsonl cannot be read.*UTF-8"):
        read_suite(folder)


def test_articles_of_one_id_are_named(tmp_path: Path) -> None:
    folder = write_suite(tmp_path / "twins", articles=[*ARTICLES, ARTICLES[0]])
    with pytest.raises(SuiteError, match="refund-times"):
        read_suite(folder)


def test_a_bad_article_is_named(tmp_path: Path) -> None:
    folder = write_suite(tmp_path / "bad")
    (folder / "articles.jsonl").write_text('{"id": "a"\n')
    with pytest.raises(SuiteError, match=r"articles\.jsonl"):
        read_suite(folder)


@pytest.mark.parametrize("name", ["cases.jsonl", "articles.jsonl"])
def test_a_missing_or_empty_file_is_named(tmp_path: Path, name: str) -> None:
    folder = write_suite(tmp_path / "bad")
    (folder / name).write_text("")
    with pytest.raises(SuiteError, match=f"{name}.*(?:holds|there is) no"):
        read_suite(folder)
    (folder / name).unlink()
    with pytest.raises(SuiteError, match=f"{name} is missing"):
        read_suite(folder)
