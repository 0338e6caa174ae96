import math

import pytest

from evals.measures import (
    average,
    measure_calibration,
    measure_citations,
    measure_decisions,
    measure_ranking,
    measure_rouge_l,
    measure_spread,
)


def test_a_ranking_worked_by_hand() -> None:
    measured = measure_ranking(["x", "a", "y", "z", "b", "c"], ["a", "b", "gone"])
    assert measured["recall@1"] == 0
    assert measured["recall@5"] == pytest.approx(2 / 3)
    assert measured["mrr@10"] == pytest.approx(0.5)
    gained = 1 / math.log2(3) + 1 / math.log2(6)
    ideal = 1 + 1 / math.log2(3) + 1 / math.log2(4)
    assert measured["ndcg@5"] == pytest.approx(gained / ideal)


def test_finding_nothing_is_nought() -> None:
    assert set(measure_ranking([], ["a"]).values()) == {0.0}


def test_the_order_of_ids_does_not_break_ties() -> None:
    assert measure_ranking(["b", "a"], ["b"])["recall@1"] == 1
    assert measure_ranking(["a", "b"], ["b"])["recall@1"] == 0


def test_decisions_worked_by_hand() -> None:
    expected = ["answer", "answer", "abstain", "abstain", "clarify"]
    decided = ["answer", "abstain", "abstain", "answer", "answer"]
    measured = measure_decisions(expected, decided)
    # answer: precision 1/3, recall 1/2; abstain: 1/2 and 1/2; clarify: never decided
    assert measured["macro_f1"] == pytest.approx((0.4 + 0.5 + 0.0) / 3, abs=1e-4)
    assert measured["confusion"] == {
        "labels": ["answer", "clarify", "abstain"],
        "matrix": [[1, 0, 1], [1, 0, 0], [1, 0, 1]],
    }
    assert measured["answered_when_unanswerable"] == pytest.approx(2 / 3, abs=1e-4)
    assert measured["refused_when_answerable"] == pytest.approx(0.5)


def test_a_decision_that_no_case_expects_does_not_count_in_macro_f1() -> None:
    measured = measure_decisions(["answer", "answer"], ["answer", "clarify"])
    assert measured["macro_f1"] == pytest.approx(2 / 3, abs=1e-4)
    assert measured["answered_when_unanswerable"] is None


def test_calibration_worked_by_hand() -> None:
    measured = measure_calibration([0.9, 0.95, 0.35, 1.0], [True, False, False, True])
    # the last bin holds three (mean 0.95, two right), the fourth one (0.35, wrong)
    assert measured["ece"] == pytest.approx((3 * abs(0.95 - 2 / 3) + 0.35) / 4, abs=1e-4)
    squares = [0.1**2, 0.95**2, 0.35**2, 0.0]
    assert measured["brier"] == pytest.approx(sum(squares) / 4, abs=1e-4)
    assert [b["n"] for b in measured["bins"]] == [0, 0, 0, 1, 0, 0, 0, 0, 0, 3]


def test_no_cases_have_no_calibration_and_no_spread() -> None:
    assert measure_calibration([], [])["ece"] is None
    assert measure_spread([]) == {"p50": None, "p95": None}


def test_a_spread_is_interpolated() -> None:
    assert measure_spread([1.0, 2.0, 3.0]) == {"p50": 2.0, "p95": 2.9}


def test_citations_count_articles_once() -> None:
    assert measure_citations(["a", "a", "b"], ["a", "c"]) == {
        "citation_precision": 0.5,
        "citation_recall": 0.5,
    }
    assert measure_citations([], ["a"])["citation_precision"] == 0


def test_rouge_l_counts_the_longest_common_subsequence() -> None:
    assert measure_rouge_l("the refund arrives", "the refund arrives") == 1
    # common: "refund … soon" of three and four words
    score = measure_rouge_l("refund arrives soon", "your refund comes soon")
    assert score == pytest.approx(2 * (2 / 3) * (2 / 4) / (2 / 3 + 2 / 4))


def test_averages_leave_out_what_does_not_apply() -> None:
    assert average([{"a": 1.0, "b": 4.0}, {"a": 2.0}]) == {"a": 1.5, "b": 4.0}
