import hashlib
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine
from typer.testing import CliRunner, Result

from api.app import create_app
from api.assembly import Services, make_id
from api.settings import Settings
from api.storage.api_keys import ApiKeys, KeyNameTaken, KeyNotFound, KeyRefused
from commands.app import app

BODY = {"model": "frontdesk", "messages": [{"role": "user", "content": "Hi"}]}


class Clock:
    def __init__(self) -> None:
        self.now = datetime(2026, 11, 24, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


def test_only_a_hash_is_kept_and_a_revoked_key_is_refused(database: Engine) -> None:
    keys = ApiKeys(database, Clock(), make_id)
    assert not keys.any_made()
    made, secret = keys.add("intranet", "staff")
    assert re.fullmatch(r"fdk_[A-Za-z0-9_-]{43}", secret)
    with database.connect() as connection:
        row = connection.exec_driver_sql("SELECT * FROM api_keys").mappings().one()
    assert secret not in map(str, row.values())
    assert row["hash"] == hashlib.sha256(secret.encode()).hexdigest()
    assert keys.check(secret).id == made.id
    assert keys.check(secret).audience == "staff"
    with pytest.raises(KeyNameTaken):
        keys.add("intranet", "public")
    with pytest.raises(KeyRefused):
        keys.check(secret + "x")
    keys.revoke("intranet")
    with pytest.raises(KeyRefused):
        keys.check(secret)
    with pytest.raises(KeyNotFound):
        keys.revoke("intranet")
    again, _ = keys.add("intranet", "public")
    assert [key.id for key in keys.all()].count(again.id) == 1
    assert keys.any_made()


def test_use_is_noted_once_a_minute(database: Engine) -> None:
    clock = Clock()
    keys = ApiKeys(database, clock, make_id)
    _, secret = keys.add("intranet", "public")
    first = clock.now
    keys.check(secret)
    clock.now += timedelta(seconds=59)
    keys.check(secret)
    assert keys.all()[0].last_used_at == first
    clock.now += timedelta(seconds=1)
    keys.check(secret)
    assert keys.all()[0].last_used_at == clock.now


@pytest.fixture
def make_client(services: Services) -> Iterator[Callable[..., TestClient]]:
    opened: list[TestClient] = []

    def make(*, open_interop: bool = False, client: str = "127.0.0.1") -> TestClient:
        settings = services.settings.model_copy(update={"open_interop": open_interop})
        served = create_app(settings, replace(services, settings=settings))
        made = TestClient(served, base_url="http://localhost:8000", client=(client, 5000))
        opened.append(made.__enter__())
        return made

    yield make
    for client in opened:
        client.__exit__()


@pytest.mark.parametrize(("path", "body"), [("/v1/chat/completions", BODY), ("/mcp", {})])
def test_without_keys_both_interfaces_are_closed(
    make_client: Callable[..., TestClient], path: str, body: object
) -> None:
    answer = make_client().post(path, json=body, headers={"Authorization": "Bearer anything"})
    assert answer.status_code == 401
    assert "frontdesk key add NAME" in answer.text
    assert answer.headers["www-authenticate"] == "Bearer"


def test_programs_on_this_machine_are_let_in_until_there_is_a_key(
    make_client: Callable[..., TestClient], services: Services
) -> None:
    here = make_client(open_interop=True)
    assert here.post("/v1/chat/completions", json=BODY).status_code == 200
    for headers in (
        {"X-Forwarded-For": "127.0.0.1"},
        {"Forwarded": "for=127.0.0.1"},
        {"Host": "evil.example"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
    ):
        refused = here.post("/v1/chat/completions", json=BODY, headers=headers)
        assert refused.status_code == 401
    there = make_client(open_interop=True, client="192.0.2.7")
    assert there.get("/v1/models").status_code == 401
    services.api_keys.add("first", "public")
    services.api_keys.revoke("first")
    closed = here.post("/v1/chat/completions", json=BODY)
    assert (closed.status_code, closed.json()["error"]["code"]) == (401, "key_refused")


def test_a_service_that_is_starting_says_so() -> None:
    starting = TestClient(create_app(Settings()))  # its lifespan has not begun
    answer = starting.post("/v1/chat/completions", json=BODY)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "3")
    assert answer.json()["error"]["type"] == "server_error"
    assert starting.post("/mcp", json={}).status_code == 503


def test_keys_are_made_listed_and_revoked_on_the_command_line(services: Services) -> None:
    def run(*arguments: str) -> Result:
        data = str(services.settings.data)
        return CliRunner().invoke(app, ["key", *arguments, "--data", data])

    made = run("add", "intranet", "--audience", "staff")
    secret = made.stdout.strip()
    assert services.api_keys.check(secret).audience == "staff"
    assert "cannot be shown again" in made.stderr
    assert run("add", "intranet").exit_code == 1
    assert run("add", "  ").exit_code == 2
    listed = run("list", "--json").stdout
    assert json.loads(listed)[0]["name"] == "intranet"
    assert secret not in listed
    assert "intranet" in run("list").stdout
    assert run("revoke", "intranet").exit_code == 0
    with pytest.raises(KeyRefused):
        services.api_keys.check(secret)
    unknown = run("revoke", "intranet")
    assert (unknown.exit_code, "frontdesk key list" in unknown.stderr) == (1, True)
