import csv
import io
from pathlib import Path

import pytest

from agent.triage.writing import encode
from api.tickets.doubts import fill_in, list_doubts, restore

COLUMNS = ("row", "ticket_id", "text", "category", "category_confidence", "category_guess")
TAIL = ("stage", "why", "needs_person")


def _write(folder: Path, *rows: dict[str, str]) -> Path:
    path = folder / "result.csv"
    empty = {"ticket_id": "A", "text": "one", "category": "", "category_guess": "refund"}
    open_row = {"category_confidence": "0.3", "stage": "person", "why": "like", **empty}
    told: list[dict[str, str | float | int | bool]] = [
        {**open_row, "needs_person": "unsure", **row, "row": number}
        for number, row in enumerate(rows, 1)
    ]
    path.write_bytes(encode(told, (*COLUMNS, *TAIL), as_csv=True, head=True))
    return path


def _settle(path: Path, **chosen: str) -> dict[str, str]:
    filled = b"".join(fill_in(path, {1: chosen})).decode()
    return next(csv.DictReader(io.StringIO(filled)))


@pytest.mark.parametrize("reason", ["unsure", "out_of_scope"])
def test_a_choice_does_away_with_doubt(tmp_path: Path, reason: str) -> None:
    row = _settle(_write(tmp_path, {"needs_person": reason}), category="payout")
    assert (row["category"], row["category_confidence"]) == ("payout", "1.0")
    assert row["needs_person"] == ""


@pytest.mark.parametrize("reason", ["unsafe", "upset", "language", "asked_for_person"])
def test_who_needs_a_person_for_another_reason_still_does(tmp_path: Path, reason: str) -> None:
    row = _settle(_write(tmp_path, {"needs_person": reason}), category="payout")
    assert (row["category"], row["needs_person"]) == ("payout", reason)


def test_that_nothing_fits_is_a_persons_decision(tmp_path: Path) -> None:
    row = _settle(_write(tmp_path, {}), category="")
    assert (row["category"], row["category_confidence"]) == ("", "0.0")
    assert (row["stage"], row["needs_person"]) == ("person", "")
    assert row["why"] == "settled at the desk; no category fits"


def test_what_a_spreadsheet_would_run_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = _write(tmp_path, {"text": "- the key\n- the lock", "ticket_id": "+7"})
    (doubt,) = list_doubts(path, ["category"], set(), 10)
    assert (doubt.text, doubt.ticket_id) == ("- the key\n- the lock", "+7")


@pytest.mark.parametrize("cell", ["'tis late", "plain", "", "'", "it's"])
def test_an_apostrophe_of_the_customers_stays(cell: str) -> None:
    assert restore(cell) == cell


def test_what_is_settled_is_safe_in_a_spreadsheet(tmp_path: Path) -> None:
    assert _settle(_write(tmp_path, {}), category="=1+1")["category"] == "'=1+1"


def test_rows_come_after_those_that_are_settled(tmp_path: Path) -> None:
    path = _write(tmp_path, *({"text": f"ticket {number}"} for number in range(1, 31)))
    assert [doubt.row for doubt in list_doubts(path, ["category"], {1, 3}, 3)] == [2, 4, 5]
