import csv
import io
import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from string import ascii_letters

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine

from api.app import create_app
from api.assembly import Services, make_id
from api.desk.dependencies import COOKIE
from api.storage.articles import read_utc
from api.storage.settlements import Settlements
from tests.agent.triage.histories import TICKETS, train_into
from tests.api.desk.knowledge_app import log_in
from tests.api.people import add_staff

NEW = (TICKETS / "new.csv").read_bytes()


@pytest.fixture
def desk(services: Services) -> Iterator[TestClient]:
    held = log_in(services, "agent")
    app = create_app(services.settings, services)
    with TestClient(app, follow_redirects=False, headers={"X-CSRF": held.csrf}) as opened:
        opened.cookies.set(COOKIE, held.token)
        yield opened


def _upload(desk: TestClient, content: bytes = NEW, **said: str) -> str:
    sent = desk.post("/desk/triage", files={"file": ("new & old.csv", content)}, data=said)
    assert sent.status_code == 303, sent.text
    address = sent.headers["location"]
    until = time.monotonic() + 60
    while "every 2s" in desk.get(address).text:
        assert time.monotonic() < until
        time.sleep(0.05)
    return address


def test_without_a_classifier_the_page_says_how_to_train_one(desk: TestClient) -> None:
    page = desk.get("/desk/triage").text
    assert "frontdesk train triage" in page
    assert 'type="file"' not in page


def test_a_file_is_uploaded_followed_and_settled(desk: TestClient, services: Services) -> None:
    train_into(services.settings.data)
    assert "No file has been uploaded" in desk.get("/desk/triage").text
    address = _upload(desk)
    page = desk.get(address).text
    assert "new &amp; old.csv" in page
    assert "Decided by" in page
    assert "Why a person is needed" in page
    rows = _list_open(page)
    chosen = {"row": rows[0], "label-category": "listing", "label-priority": "urgent"}
    assert desk.post(f"{address}/settle", data=chosen).status_code == 303
    page = desk.get(address).text
    assert f'name="row" value="{rows[0]}"' not in page
    assert "1 settled" in page
    filled = _read_result(desk, address)
    assert filled[rows[0]]["why"] == "settled at the desk"
    ((text, labels),) = services.settlements.list_tickets()
    assert text == filled[rows[0]]["text"]
    assert "listing" in labels.values() or "urgent" in labels.values()
    assert "N021" in desk.get(f"{address}/rejects.csv").text
    assert desk.post(f"{address}/remove").status_code == 303
    assert desk.get(address).status_code == 404
    assert len(services.settlements.list_tickets()) == 1


def _list_open(page: str) -> list[str]:
    return re.findall(r'name="row" value="(\d+)"', page)


def _read_result(desk: TestClient, address: str) -> dict[str, dict[str, str]]:
    text = desk.get(f"{address}/result.csv").text
    return {row["row"]: row for row in csv.DictReader(io.StringIO(text))}


def test_what_a_file_was_taken_for_is_shown(desk: TestClient, services: Services) -> None:
    train_into(services.settings.data)
    page = desk.get(_upload(desk)).text
    assert "Ids from <code>ticket_id</code>" in page
    assert "Text from <code>text</code>" in page
    assert "Encoding utf-8-sig" in page
    assert "Threshold as learnt" in page


def test_columns_encoding_and_threshold_can_be_given(desk: TestClient, services: Services) -> None:
    train_into(services.settings.data)
    assert "<details>" in desk.get("/desk/triage").text  # closed: few need it
    options = {"id_column": "nr", "text_columns": "was,wo", "encoding": "cp1252", "threshold": "1"}
    address = _upload(desk, "nr;was;wo\nA7;Rückzahlung;Köln\n".encode("cp1252"), **options)
    page = desk.get(address).text
    assert "Text from <code>was</code>, <code>wo</code>" in page
    assert "Encoding cp1252" in page
    assert "Threshold 1.0" in page
    assert _read_result(desk, address)["1"]["text"] == "Rückzahlung\n\nKöln"


def test_options_that_are_left_empty_say_nothing(desk: TestClient, services: Services) -> None:
    train_into(services.settings.data)
    options = {"id_column": "", "text_columns": " ", "encoding": "", "threshold": ""}
    page = desk.get(_upload(desk, NEW, **options)).text
    assert "Encoding utf-8-sig" in page
    assert "Threshold as learnt" in page


def test_a_file_that_cannot_be_used_is_said_on_the_page(
    desk: TestClient, services: Services
) -> None:
    train_into(services.settings.data)
    said = {"encoding": "cp1252", "threshold": "0.5"}
    file = {"file": ("x.csv", b"colour,shape\nred,round\n")}
    sent = desk.post("/desk/triage", files=file, data=said)
    assert sent.status_code == 422
    assert "there are: colour, shape. Name it under Options." in sent.text
    assert "<details open>" in sent.text
    assert 'value="cp1252"' in sent.text
    assert 'value="0.5"' in sent.text
    assert "No file has been uploaded" in sent.text


def test_a_file_that_comes_while_nothing_is_trained_is_not_kept(desk: TestClient) -> None:
    sent = desk.post("/desk/triage", files={"file": ("new.csv", NEW)})
    assert sent.status_code == 409
    assert sent.text.count("frontdesk train triage") == 1


def test_that_nothing_fits_is_kept_and_not_learnt(desk: TestClient, services: Services) -> None:
    train_into(services.settings.data)
    address = _upload(desk)
    row = _list_open(desk.get(address).text)[0]
    nothing = {"row": row, "label-category": "", "label-priority": ""}
    assert desk.post(f"{address}/settle", data=nothing).status_code == 303
    assert row not in _list_open(desk.get(address).text)
    assert "; no " in _read_result(desk, address)[row]["why"]
    assert services.settlements.list_tickets() == []


def _count(page: str, category: str) -> int:
    found = re.search(rf'<th scope="row">{re.escape(category)}</th>\s*<td>([\d,]+)</td>', page)
    return int(found[1]) if found else 0


@pytest.mark.parametrize(("chosen", "shown"), [("listing", "listing"), ("", "(none of these)")])
def test_the_distribution_has_what_was_settled(
    desk: TestClient, services: Services, chosen: str, shown: str
) -> None:
    train_into(services.settings.data)
    address = _upload(desk)
    before = desk.get(address).text
    result = _read_result(desk, address)
    row = next(row for row in _list_open(before) if not result[row]["category"])
    choices = {"row": row, "label-category": chosen, "label-priority": "urgent"}
    desk.post(f"{address}/settle", data=choices)
    after = desk.get(address).text
    assert _count(after, shown) == _count(before, shown) + 1
    assert _count(after, "(a person chooses)") == _count(before, "(a person chooses)") - 1


def test_a_label_that_was_decided_is_not_changed(desk: TestClient, services: Services) -> None:
    train_into(services.settings.data)
    address = _upload(desk)
    before = _read_result(desk, address)
    row = next(
        row for row in before if before[row]["stage"] == "person" and before[row]["category"]
    )
    chosen = {"row": row, "label-category": "listing", "label-priority": "urgent"}
    desk.post(f"{address}/settle", data=chosen)
    after = _read_result(desk, address)[row]
    assert (after["category"], after["priority"]) == (before[row]["category"], "urgent")


def test_after_those_that_are_settled_others_come(desk: TestClient, services: Services) -> None:
    train_into(services.settings.data)
    content = "text\n" + "".join(f"my refund for the {letter}\n" for letter in ascii_letters[:26])
    address = _upload(desk, content.encode(), threshold="1")
    page = desk.get(address).text
    first = _list_open(page)
    assert len(first) == 25
    assert "These are the first 25" in page
    chosen = {"row": first[0], "label-category": "refund", "label-priority": "normal"}
    desk.post(f"{address}/settle", data=chosen)
    page = desk.get(address).text
    assert _list_open(page) == [*first[1:], "26"]
    assert "These are the first" not in page


def test_a_second_click_and_a_second_person_do_no_harm(
    desk: TestClient, services: Services
) -> None:
    train_into(services.settings.data)
    address = _upload(desk)
    row = _list_open(desk.get(address).text)[0]
    for category in ("refund", "refund", "listing"):
        chosen = {"row": row, "label-category": category, "label-priority": "urgent"}
        assert desk.post(f"{address}/settle", data=chosen).status_code == 303
    assert "1 settled" in desk.get(address).text
    assert len(services.settlements.list_tickets()) == 1


@pytest.mark.parametrize(
    "chosen", [{"row": "1"}, {"row": "999", "label-category": "refund"}, {"row": "17"}]
)
def test_what_is_no_choice_settles_nothing(
    desk: TestClient, services: Services, chosen: dict[str, str]
) -> None:
    train_into(services.settings.data)
    address = _upload(desk)
    desk.post(f"{address}/settle", data=chosen | {"label-category": "no such"})
    assert services.settlements.list_tickets() == []


def test_who_is_not_logged_in_sees_nothing(client: TestClient) -> None:
    for path in ("/desk/triage", "/desk/triage/x", "/desk/triage/x/result.csv"):
        response = client.get(path, follow_redirects=False)
        assert response.status_code == 303
        assert "/desk/login" in response.headers["location"]


def test_what_was_chosen_is_kept_and_can_be_changed(database: Engine) -> None:
    staff_id = add_staff(database)
    kept = Settlements(database, read_utc, make_id)
    kept.settle("job", 1, "where is it", {"category": "refund", "team": "money"}, staff_id)
    kept.settle("job", 1, "where is it", {"category": "payout"}, staff_id)
    kept.settle("other", 1, "broken", {"category": "damage"}, staff_id)
    assert kept.list_rows("job") == {1: {"category": "payout", "team": "money"}}
    tickets = dict(kept.list_tickets())
    assert tickets["broken"] == {"category": "damage"}
    assert tickets["where is it"] == {"category": "payout", "team": "money"}


def test_two_persons_who_settle_a_row_at_once_leave_one_choice(database: Engine) -> None:
    kept = Settlements(database, read_utc, make_id)
    staff = [add_staff(database, name) for name in ("Mia", "Ben")]

    def settle(place: int) -> None:
        chosen = {"category": f"category {place}"}
        kept.settle("job", 1, "where is it", chosen, staff[place % 2])

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(settle, range(16)))  # raises what went wrong
    (rows,) = kept.list_rows("job").values()
    assert set(rows) == {"category"}


def test_where_nothing_fits_there_is_nothing_to_learn(database: Engine) -> None:
    staff_id = add_staff(database)
    kept = Settlements(database, read_utc, make_id)
    kept.settle("job", 1, "where is it", {"category": "", "team": "money"}, staff_id)
    kept.settle("job", 2, "who are you", {"category": ""}, staff_id)
    assert kept.list_rows("job")[2] == {"category": ""}
    assert kept.list_tickets() == [("where is it", {"team": "money"})]
