import csv
import io
import re
import time
from collections.abc import Iterator

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


@pytest.fixture
def desk(services: Services) -> Iterator[TestClient]:
    held = log_in(services, "agent")
    app = create_app(services.settings, services)
    with TestClient(app, follow_redirects=False, headers={"X-CSRF": held.csrf}) as opened:
        opened.cookies.set(COOKIE, held.token)
        yield opened


def _upload(desk: TestClient) -> str:
    with (TICKETS / "new.csv").open("rb") as file:
        sent = desk.post("/desk/triage", files={"file": ("new & old.csv", file)})
    assert sent.status_code == 303
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
    rows = re.findall(r'name="row" value="(\d+)"', page)
    chosen = {"row": rows[0], "label-category": "listing", "label-priority": "urgent"}
    assert desk.post(f"{address}/settle", data=chosen).status_code == 303
    page = desk.get(address).text
    assert f'name="row" value="{rows[0]}"' not in page
    assert "1 settled" in page
    result = desk.get(f"{address}/result.csv")
    filled = {row["row"]: row for row in csv.DictReader(io.StringIO(result.text))}
    assert filled[rows[0]]["why"] == "settled at the desk"
    ((text, labels),) = services.settlements.list_tickets()
    assert text == filled[rows[0]]["text"]
    assert "listing" in labels.values() or "urgent" in labels.values()
    assert "N021" in desk.get(f"{address}/rejects.csv").text
    assert desk.post(f"{address}/remove").status_code == 303
    assert desk.get(address).status_code == 404
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
