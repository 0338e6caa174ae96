import json
from pathlib import Path
from typing import Any

import pytest

from evals.comparison import compare, read_result
from evals.errors import ResultError


def make_result(values: list[dict[str, float]], **more: object) -> dict[str, Any]:
    cases = [{"id": str(place), "values": value} for place, value in enumerate(values)]
    head = {"kind": "answers", "suite": "tiny", "suite_sha256": "s", "provenance": {}}
    return head | {"n": len(cases), "cases": cases} | more


def test_the_same_cases_are_compared_and_each_change_is_listed() -> None:
    a = make_result([{"correct": 0.0}, {"correct": 1.0}, {"correct": 1.0}])
    b = make_result([{"correct": 1.0}, {"correct": 1.0}, {"correct": 0.0}, {"correct": 0.0}])
    compared = compare(a, b)
    assert compared["n"] == 3
    assert compared["values"]["correct"]["a"] == pytest.approx(2 / 3, abs=1e-4)
    assert compared["values"]["correct"]["difference"] == 0
    assert [change["id"] for change in compared["better"]] == ["0"]
    assert [change["id"] for change in compared["worse"]] == ["2"]


def test_a_gain_in_every_case_has_an_interval_above_nought() -> None:
    a = make_result([{"rouge_l": 0.01 * n} for n in range(30)])
    b = make_result([{"rouge_l": 0.01 * n + 0.2 + 0.001 * (n % 3)} for n in range(30)])
    low, high = compare(a, b)["values"]["rouge_l"]["interval"]
    assert 0.19 < low <= 0.201 <= high < 0.21
    assert compare(a, b) == compare(a, b)


def test_a_gain_in_few_cases_may_be_chance() -> None:
    a = make_result([{"correct": float(n % 2)} for n in range(40)])
    b = make_result([{"correct": float(n % 2 or n == 0)} for n in range(40)])
    low, high = compare(a, b)["values"]["correct"]["interval"]
    assert low <= 0 < high


def test_results_of_unlike_kinds_or_other_cases_are_refused() -> None:
    a = make_result([{"correct": 1.0}])
    with pytest.raises(ResultError, match="kind"):
        compare(a, make_result([{"correct": 1.0}], kind="retrieval"))
    with pytest.raises(ResultError, match="no case in common"):
        compare(a, make_result([]))


def test_what_costs_less_is_no_change_for_the_better() -> None:
    a, b = make_result([{"total_s": 2.0}]), make_result([{"total_s": 1.0}])
    compared = compare(a, b)
    assert compared["values"]["total_s"]["difference"] == -1
    assert compared["better"] == compared["worse"] == []


def test_a_violation_more_is_a_change_for_the_worse() -> None:
    a, b = make_result([{"violation": 0.0}]), make_result([{"violation": 1.0}])
    assert [change["id"] for change in compare(a, b)["worse"]] == ["0"]
    assert [change["id"] for change in compare(b, a)["better"]] == ["0"]


def test_a_file_that_is_no_result_is_named(tmp_path: Path) -> None:
    for text in ("{", "[]", json.dumps({"n": 1})):
        path = tmp_path / "broken.json"
        path.write_text(text)
        with pytest.raises(ResultError, match=r"broken\.json"):
            read_result(path)
    with pytest.raises(ResultError, match=r"gone\.json"):
        read_result(tmp_path / "gone.json")
