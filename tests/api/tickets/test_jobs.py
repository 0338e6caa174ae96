"""Files that programs send: what they say about them, what is refused, what comes back."""

import csv
import gzip
import io
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import polars as pl
import pytest
from fastapi.testclient import TestClient

from agent.triage.artefacts import Shelf
from agent.triage.tickets import Ticket
from agent.triage.verdicts import Triage
from api.assembly import Services
from api.tickets.jobs import Jobs
from api.tickets.triager import Opened, Triager
from api.tickets.uploads import Options
from tests.agent.triage.histories import TICKETS, open_workshop
from tests.api.people import add_staff
from tests.api.waiting import wait_for_job

REFUND = "Has my refund for booking 99999 been sent?"
JOBS = "/v1/triage/jobs"


def _send(
    client: TestClient, content: bytes, name: str = "new.csv", /, **said: object
) -> httpx2.Response:
    return client.post(JOBS, files={"file": (name, content)}, data=said)


def _finish(
    client: TestClient, content: bytes, name: str = "new.csv", /, **said: object
) -> dict[str, Any]:
    added = _send(client, content, name, **said)
    assert added.status_code == 202, added.text
    return wait_for_job(client, added.json()["id"])


def _read(client: TestClient, job: dict[str, Any]) -> list[dict[str, str]]:
    answer = client.get(f"{JOBS}/{job['id']}/result")
    assert answer.headers["content-disposition"].endswith(f'"triage-{job["id"]}.csv"')
    return list(csv.DictReader(io.StringIO(answer.text)))


def _list_kept(services: Services) -> list[Path]:
    return list((services.settings.data / "triage" / "jobs").glob("*"))


def test_what_was_recognised_is_shown_at_once(keyed: TestClient, version: str) -> None:
    assert version
    job = _send(keyed, b"id,subject,requester,description\n1,Refund,Kim,Where is it?\n").json()
    assert job["mapping"] == {"export": "Zendesk", "id": "id", "text": ["subject", "description"]}
    assert (job["encoding"], job["threshold"]) == ("utf-8-sig", None)


def test_rows_without_an_id_are_numbered(keyed: TestClient, version: str) -> None:
    assert version
    assert _send(keyed, b"text\nWhere is it?\n").json()["mapping"]["id"] is None


def test_columns_and_encoding_can_be_given(keyed: TestClient, version: str) -> None:
    assert version
    content = "nr;was;wo\nA7;Rückzahlung;Köln\n".encode("cp1252")
    said = {"map": ["id=nr", "text=was,wo"], "encoding": "cp1252", "threshold": "0.9"}
    job = _finish(keyed, content, **said)
    assert job["mapping"] == {"export": "table", "id": "nr", "text": ["was", "wo"]}
    assert (job["encoding"], job["threshold"]) == ("cp1252", 0.9)
    (row,) = _read(keyed, job)
    assert (row["ticket_id"], row["text"]) == ("A7", "Rückzahlung\n\nKöln")


def test_a_threshold_trades_coverage_for_accuracy(keyed: TestClient, version: str) -> None:
    assert version
    content = (TICKETS / "new.csv").read_bytes()
    lax, strict = (_finish(keyed, content, threshold=least) for least in (0, 1))
    decided = [sum(bool(row["category"]) for row in _read(keyed, job)) for job in (lax, strict)]
    assert lax["needs_person"].get("unsure", 0) == 0
    assert decided[0] > decided[1]
    assert {row["category_confidence"] for row in _read(keyed, strict) if row["category"]} <= {
        "1.0"
    }


def test_what_was_said_about_a_file_survives_a_restart(services: Services, version: str) -> None:
    assert version
    folder = services.settings.data / "triage" / "jobs"
    options = Options({"text": "was"}, "cp1252", 0.9)
    before, after = (
        Jobs(folder, services.triager, lambda: datetime.now(UTC), lambda: "one") for _ in range(2)
    )
    before.add("new.csv", io.BytesIO(b"was\nrefund\n"), options)
    kept = after.find("one")
    assert kept.options == options
    assert kept.columns is not None
    assert kept.columns.text == ("was",)


@pytest.mark.parametrize(
    ("said", "what_to_do"),
    [
        ({"map": "text"}, "text=COLUMN"),
        ({"map": "body=text"}, "id=COLUMN or text=COLUMN"),
        ({"map": "text="}, "text=COLUMN"),
        ({"map": "text=body"}, "there are: ticket_id, text"),
        ({"encoding": "klingon"}, "utf-8, cp1252"),
        ({"encoding": "rot13"}, "utf-8, cp1252"),
    ],
)
def test_options_that_cannot_be_are_refused_at_once(
    keyed: TestClient, services: Services, version: str, said: dict[str, str], what_to_do: str
) -> None:
    assert version
    refused = _send(keyed, (TICKETS / "new.csv").read_bytes(), **said)
    assert refused.status_code == 422
    assert refused.headers["content-type"] == "application/problem+json"
    assert what_to_do in refused.json()["detail"]
    assert _list_kept(services) == []


@pytest.mark.parametrize("threshold", ["-0.1", "1.1", "nan", "high"])
def test_a_threshold_is_from_0_to_1(keyed: TestClient, version: str, threshold: str) -> None:
    assert version
    refused = _send(keyed, b"text\nx\n", threshold=threshold)
    assert refused.status_code == 422
    assert [each["field"] for each in refused.json()["errors"]] == ["body.threshold"]


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("x.csv", b"", "The file is empty"),
        ("x.csv", b"colour,shape\nred,round\n", "there are: colour, shape. Name it with map=text="),
        ("x.jsonl", b"no JSON\n", "a JSON object"),
        ("x.parquet", b"no Parquet", "x.parquet can't be read"),
        ("x.csv.gz", gzip.compress(b"text\nx\n")[:15], "x.csv.gz: the file is cut off"),
        ("x.csv", b"x" * 100_000, "xxx…"),
    ],
)
def test_what_holds_no_tickets_is_refused_at_once(  # noqa: PLR0913, PLR0917 - and what is kept
    keyed: TestClient, services: Services, version: str, name: str, content: bytes, why: str
) -> None:
    assert version
    refused = _send(keyed, content, name)
    assert (refused.status_code, refused.json()["type"]) == (422, "urn:frontdesk:file-refused")
    assert why in refused.json()["detail"]
    assert str(services.settings.data) not in refused.text
    assert _list_kept(services) == []


def test_a_file_is_not_taken_while_nothing_is_trained(
    keyed: TestClient, services: Services
) -> None:
    refused = _send(keyed, b"text\nx\n")
    assert refused.status_code == 409
    assert refused.json() == keyed.post("/v1/triage", json={"text": REFUND}).json()
    assert _list_kept(services) == []


def test_a_job_that_fails_says_why(keyed: TestClient, services: Services, version: str) -> None:
    assert version
    rows = "".join(f"{row},is my refund {row * 7919} sent\n" for row in range(200_000))
    cut_off = gzip.compress(("id,text\n" + rows).encode())[:-50_000]
    job = _finish(keyed, cut_off, "all of them.csv.gz", threshold=0)
    assert job["state"] == "failed"
    assert "all of them.csv.gz can't be read on" in job["error"]
    assert str(services.settings.data) not in job["error"]


class Watched(Triager):
    """Notes how far a job is before each batch."""

    def __init__(self, folder: Path) -> None:
        super().__init__(lambda: Shelf(folder), open_workshop)
        self.jobs = Jobs(folder / "jobs", self, lambda: datetime.now(UTC), lambda: "one")
        self.shares: list[float] = []

    async def judge(self, opened: Opened, tickets: Sequence[Ticket]) -> list[Triage]:
        self.shares.append(self.jobs.find("one").share)
        return await super().judge(opened, tickets)


@pytest.mark.parametrize("name", ["new.csv", "new.parquet"])
async def test_a_job_says_how_much_of_it_is_done(
    tmp_path: Path, version: str, services: Services, name: str
) -> None:
    assert version
    watched = Watched(services.settings.data / "triage")
    table = pl.DataFrame({"text": [f"my refund {row}" for row in range(256)]})
    write = table.write_parquet if name.endswith("parquet") else table.write_csv
    write(tmp_path / name)
    with (tmp_path / name).open("rb") as file:
        watched.jobs.add(name, file)
    await watched.jobs._try("one")
    assert watched.shares == [0.0, 0.5]
    assert watched.jobs.find("one").share == 1.0


def test_the_result_has_what_persons_settled(
    keyed: TestClient, services: Services, version: str
) -> None:
    assert version
    job = _finish(keyed, (TICKETS / "new.csv").read_bytes(), threshold=1)
    row = next(row for row in _read(keyed, job) if row["needs_person"] == "unsure")
    staff_id = add_staff(services.engine)
    chosen = {"category": "payout"}
    services.settlements.settle(job["id"], int(row["row"]), row["text"], chosen, staff_id)
    (settled,) = [each for each in _read(keyed, job) if each["row"] == row["row"]]
    assert (settled["category"], settled["needs_person"]) == ("payout", "")
    assert settled["why"] == "settled at the desk"
