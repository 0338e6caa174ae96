"""Triage over HTTP, with a classifier learned from hashed words."""

import base64
import csv
import hashlib
import hmac
import io
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from pydantic import SecretStr

from agent.triage.artefacts import Shelf
from api.app import create_app
from api.assembly import Services
from api.storage.database import read_from
from api.storage.desk_tables import outbox
from api.tickets.doubts import fill_in, list_doubts
from api.tickets.jobs import RUNNING, Jobs
from api.tickets.refusals import JobUnfinished
from tests.agent.triage.histories import TICKETS, train_into
from tests.api.waiting import wait_for_job
from tests.api.webhooks.documentation import read_examples

SECRET = "what only both sides know"
REFUND = "Has my refund for booking 99999 been sent?"


@pytest.fixture
def version(services: Services) -> str:
    return train_into(services.settings.data)


@pytest.fixture
def keyed(services: Services) -> Iterator[TestClient]:
    secrets = {f"{desk}_secret": SecretStr(SECRET) for desk in ("zendesk", "chatwoot", "zammad")}
    services = replace(services, settings=services.settings.model_copy(update=secrets))
    _, key = services.api_keys.add("a program", "public")
    with TestClient(create_app(services.settings, services)) as client:
        client.headers["Authorization"] = f"Bearer {key}"
        yield client


def test_a_ticket_is_triaged_with_reasons(keyed: TestClient, version: str) -> None:
    response = keyed.post("/v1/triage", json={"id": "T1", "text": REFUND})
    assert response.status_code == 200, response.text
    triage = response.json()
    assert (triage["id"], triage["version"]) == ("T1", version)
    assert triage["labels"]["category"]["value"] == "refund"
    assert triage["priority"] == triage["labels"]["priority"]["value"]
    assert triage["stage"] == "duplicate"
    assert triage["why"]
    assert triage["draft"] is None
    names = [name for name, _ in triage["candidates"]["category"]]
    assert len(names) == 5


def test_a_draft_comes_from_the_agent(keyed: TestClient, version: str) -> None:
    assert version
    triage = keyed.post("/v1/triage", json={"text": REFUND, "draft": True}).json()
    assert triage["draft"]
    assert triage["sources"]


def test_without_a_classifier_it_is_said_how_to_train_one(keyed: TestClient) -> None:
    response = keyed.post("/v1/triage", json={"text": REFUND})
    assert response.status_code == 409
    assert "frontdesk train triage" in response.json()["detail"]


@pytest.mark.parametrize(
    ("method", "path"),
    [("post", "/v1/triage"), ("get", "/v1/triage/jobs"), ("get", "/v1/triage/jobs/x/result")],
)
def test_without_a_key_nothing_is_told(client: TestClient, method: str, path: str) -> None:
    assert client.request(method, path, json={"text": "x"}).status_code == 401


@pytest.mark.parametrize("body", [{}, {"text": ""}, {"text": "x", "other": 1}, {"text": "a\x00"}])
def test_what_is_no_ticket_is_refused(keyed: TestClient, body: dict[str, Any]) -> None:
    assert keyed.post("/v1/triage", json=body).status_code == 422


def test_a_file_is_triaged_behind_the_requests(keyed: TestClient, version: str) -> None:
    with (TICKETS / "new.csv").open("rb") as file:
        added = keyed.post("/v1/triage/jobs", files={"file": ("new.csv", file)})
    assert added.status_code == 202, added.text
    job = wait_for_job(keyed, added.json()["id"])
    assert (job["state"], job["rows"], job["rejected"]) == ("done", 23, 2)
    assert job["version"] == version
    assert sum(job["stages"].values()) == 21
    address = f"/v1/triage/jobs/{job['id']}"
    result = list(csv.DictReader(io.StringIO(keyed.get(f"{address}/result").text)))
    assert [row["ticket_id"] for row in result][:2] == ["N001", "N002"]
    assert keyed.get(f"{address}/rejects").text.count("\n") == 3
    assert [each["id"] for each in keyed.get("/v1/triage/jobs").json()] == [job["id"]]
    assert keyed.delete(address).status_code == 204
    assert keyed.get(address).status_code == 404


def test_a_file_that_is_not_done_has_no_result(services: Services, version: str) -> None:
    assert version
    jobs = _keep_jobs(services, "waiting")
    with pytest.raises(JobUnfinished):
        jobs.locate("waiting", "result.csv")


@pytest.mark.parametrize("job_id", ["none", "%2e%2e", "%2e%2e%2fx"])
def test_a_job_that_is_not_there_is_said(keyed: TestClient, job_id: str) -> None:
    assert keyed.get(f"/v1/triage/jobs/{job_id}").status_code == 404


def test_a_job_that_a_restart_cut_off_is_done_after_it(services: Services, version: str) -> None:
    assert version
    folder = services.settings.data / "triage" / "jobs"
    jobs = Jobs(folder, services.triager, lambda: datetime.now(UTC), lambda: "cut")
    with (TICKETS / "new.csv").open("rb") as file:
        job = jobs.add("new.csv", file)
    jobs._write(replace(job, state=RUNNING))
    _, key = services.api_keys.add("a program", "public")
    with TestClient(create_app(services.settings, services)) as client:
        client.headers["Authorization"] = f"Bearer {key}"
        assert wait_for_job(client, "cut")["state"] == "done"


def _keep_jobs(services: Services, *ids: str) -> Jobs:
    names = iter(ids)
    folder = services.settings.data / "triage" / "jobs"
    jobs = Jobs(folder, services.triager, lambda: datetime.now(UTC), lambda: next(names))
    for name in ids:
        with (TICKETS / "new.csv").open("rb") as file:
            jobs.add(f"{name}.csv", file)
    return jobs


async def test_a_job_removed_while_it_waits_stops_nothing(services: Services, version: str) -> None:
    assert version
    jobs = _keep_jobs(services, "first", "second", "third")
    listed = jobs.list_all()
    jobs.remove("second")
    for job in listed:
        await jobs._try(job.id)
    assert {job.id: job.state for job in jobs.list_all()} == {"first": "done", "third": "done"}


async def test_a_job_whose_files_cannot_be_written_stops_nothing(
    services: Services, version: str
) -> None:
    assert version
    jobs = _keep_jobs(services, "first", "second")
    folder = services.settings.data / "triage" / "jobs"
    (folder / "first" / "job.new").mkdir()  # nothing can be written there
    for name in ("first", "second"):
        await jobs._try(name)
    assert jobs.find("second").state == "done"


async def test_a_job_ends_with_the_version_it_was_begun_with(
    services: Services, version: str
) -> None:
    jobs = _keep_jobs(services, "old")
    jobs._write(replace(jobs.find("old"), state=RUNNING, version=version))
    shelf = Shelf(services.settings.data / "triage")
    artefact = shelf.load(version)
    later = shelf.save(artefact.classifier, artefact.card, datetime(2030, 1, 1, tzinfo=UTC))
    assert services.triager.read_version() == later.version != version
    await jobs._try("old")
    job = jobs.find("old")
    assert (job.state, job.version) == ("done", version)


def _sign_zendesk(body: bytes, now: datetime) -> dict[str, str]:
    sent = now.strftime("%Y-%m-%dT%H:%M:%SZ")
    made = hmac.new(SECRET.encode(), sent.encode() + body, hashlib.sha256).digest()
    return {
        "X-Zendesk-Webhook-Signature": base64.b64encode(made).decode(),
        "X-Zendesk-Webhook-Signature-Timestamp": sent,
    }


def _sign_chatwoot(body: bytes, now: datetime) -> dict[str, str]:
    sent = str(int(now.timestamp()))
    made = hmac.new(SECRET.encode(), f"{sent}.".encode() + body, hashlib.sha256).hexdigest()
    return {"X-Chatwoot-Signature": f"sha256={made}", "X-Chatwoot-Timestamp": sent}


def _sign_zammad(body: bytes, now: datetime) -> dict[str, str]:
    del now
    return {"X-Hub-Signature": "sha1=" + hmac.new(SECRET.encode(), body, hashlib.sha1).hexdigest()}


Sign = Callable[[bytes, datetime], dict[str, str]]
SENT: dict[str, tuple[Sign, dict[str, Any]]] = {
    "zendesk": (
        _sign_zendesk,
        {
            "type": "zen:event-type:ticket.created",
            "detail": {"id": "35", "subject": "Refund", "description": REFUND},
        },
    ),
    "chatwoot": (
        _sign_chatwoot,
        {
            "event": "message_created",
            "message_type": "incoming",
            "content": REFUND,
            "conversation": {"id": 35},
        },
    ),
    "zammad": (
        _sign_zammad,
        {
            "ticket": {"id": 7, "number": "35", "title": "Refund", "article_count": 1},
            "article": {"body": f"<div>{REFUND}</div>", "sender": "Customer", "internal": False},
        },
    ),
}


@pytest.mark.parametrize("desk", SENT)
def test_what_a_help_desk_sends_is_triaged_and_told(
    keyed: TestClient, services: Services, version: str, desk: str
) -> None:
    sign, payload = SENT[desk]
    body = json.dumps(payload).encode()
    for _ in range(2):  # help desks send again what was not answered in time
        response = keyed.post(
            f"/v1/inbound/{desk}", content=body, headers=sign(body, datetime.now(UTC))
        )
        assert response.status_code == 200, response.text
    triage = response.json()
    assert (triage["id"], triage["version"]) == ("35", version)
    assert triage["labels"]["category"]["guess"] == "refund"
    with read_from(services.engine) as connection:
        (told,) = connection.execute(outbox.select()).all()
    assert (told.kind, told.payload["desk"]) == ("ticket.triaged", desk)
    assert set(told.payload) == set(read_examples()["ticket.triaged"]["data"])
    assert "booking" not in json.dumps(told.payload)


@pytest.mark.parametrize("desk", SENT)
def test_what_is_not_signed_or_changed_is_refused(
    keyed: TestClient, version: str, desk: str
) -> None:
    assert version
    sign, payload = SENT[desk]
    body = json.dumps(payload).encode()
    headers = sign(body, datetime.now(UTC))
    path = f"/v1/inbound/{desk}"
    assert keyed.post(path, content=body).status_code == 401
    assert keyed.post(path, content=body + b" ", headers=headers).status_code == 401
    garbled = {name: value[:-2] + "xé" for name, value in headers.items()}
    encoded = [(name.encode(), value.encode("latin-1")) for name, value in garbled.items()]
    assert keyed.post(path, content=body, headers=encoded).status_code == 401


@pytest.mark.parametrize("desk", ["zendesk", "chatwoot"])
def test_what_was_signed_long_ago_is_refused(keyed: TestClient, desk: str) -> None:
    sign, payload = SENT[desk]
    body = json.dumps(payload).encode()
    headers = sign(body, datetime.now(UTC) - timedelta(minutes=6))
    assert keyed.post(f"/v1/inbound/{desk}", content=body, headers=headers).status_code == 401


@pytest.mark.parametrize(
    ("desk", "change"),
    [
        ("chatwoot", {"message_type": "outgoing"}),
        ("chatwoot", {"private": True}),
        ("chatwoot", {"event": "conversation_updated"}),
        ("zammad", {"article": {"body": "x", "sender": "Agent"}}),
        ("zendesk", {"detail": {"id": "35"}}),
    ],
)
def test_what_no_customer_wrote_is_no_ticket(
    keyed: TestClient, desk: str, change: dict[str, Any]
) -> None:
    sign, payload = SENT[desk]
    body = json.dumps(payload | change).encode()
    headers = sign(body, datetime.now(UTC))
    response = keyed.post(f"/v1/inbound/{desk}", content=body, headers=headers)
    assert response.status_code == 200
    assert response.json() is None


def test_a_signed_body_that_is_no_object_is_refused(keyed: TestClient) -> None:
    headers = _sign_zammad(b"[1]", datetime.now(UTC))
    assert keyed.post("/v1/inbound/zammad", content=b"[1]", headers=headers).status_code == 422


def test_without_a_secret_a_help_desk_is_not_listened_to(client: TestClient) -> None:
    response = client.post("/v1/inbound/zendesk", content=b"{}")
    assert response.status_code == 404
    assert "FRONTDESK_ZENDESK_SECRET" in response.json()["detail"]
    assert client.post("/v1/inbound/other", content=b"{}").status_code == 422


def test_what_is_settled_is_filled_in_and_no_longer_open(tmp_path: Path) -> None:
    path = tmp_path / "result.csv"
    header = "row,ticket_id,text,category,category_confidence,category_guess,stage,why,needs_person"
    lines = [
        header,
        "1,A,one,,0.3,refund,person,like,unsure",
        "2,B,two,,0.2,damage,person,like,unsure",
    ]
    path.write_text("\n".join([*lines, "3,C,three,refund,0.9,refund,quick,like,"]) + "\n")
    assert [doubt.row for doubt in list_doubts(path, ["category"], {1}, 10)] == [2]
    (doubt,) = list_doubts(path, ["category"], set(), 10, only=1)
    assert doubt.guesses == {"category": "refund"}
    filled = b"".join(fill_in(path, {2: {"category": "payout"}})).decode()
    rows = list(csv.DictReader(io.StringIO(filled)))
    assert [row["category"] for row in rows] == ["", "payout", "refund"]
    assert rows[1]["why"] == "settled at the desk"
