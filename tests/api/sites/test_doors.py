"""Who gets in over HTTP: from which website, as whom, and how often."""

from collections.abc import Iterator
from datetime import timedelta

import jwt
import pytest
import redis
from fastapi.testclient import TestClient
from httpx2 import Response
from pydantic import SecretStr

from api.app import create_app
from api.assembly import Services
from api.storage.articles import read_utc
from api.storage.sites import Site

SHOP = "https://shop.example"
REDIS = "redis://127.0.0.1:6379/9"


@pytest.fixture
def site(services: Services) -> Site:
    return services.sites.add("Shop", [SHOP])


def sign(site: Site, user: str) -> str:
    made = read_utc()
    claims = {"aud": site.key, "sub": user, "iat": made, "exp": made + timedelta(minutes=10)}
    return jwt.encode(claims, site.identity_secret, algorithm="HS256")


def start(client: TestClient, origin: str | None = SHOP, **body: str) -> Response:
    headers = {"Origin": origin} if origin else {}
    return client.post("/v1/conversations", json=body, headers=headers)


def test_a_page_of_the_site_gets_in_and_may_read_what_comes_back(
    client: TestClient, site: Site
) -> None:
    started = start(client, key=site.key)
    assert started.status_code == 201
    assert started.headers["access-control-allow-origin"] == SHOP
    assert "Turn-Id" in started.headers["access-control-expose-headers"]
    assert "Origin" in started.headers["vary"]


def test_a_preflight_is_answered_for_the_site_and_for_nobody_else(
    client: TestClient, site: Site
) -> None:
    assert site
    asked = {"Access-Control-Request-Method": "POST"}
    allowed = client.options("/v1/conversations", headers={"Origin": SHOP, **asked})
    assert allowed.status_code == 204
    assert "authorization" in allowed.headers["access-control-allow-headers"]
    refused = client.options("/v1/conversations", headers={"Origin": "https://evil.net", **asked})
    assert refused.status_code == 403
    assert "access-control-allow-origin" not in refused.headers


@pytest.mark.parametrize("origin", ["https://evil.net", "https://shop.example.evil.net", "null"])
def test_another_website_is_turned_away_and_told_why(
    client: TestClient, site: Site, origin: str
) -> None:
    refused = start(client, origin, key=site.key)
    assert refused.status_code == 403
    assert refused.json()["type"] == "urn:frontdesk:origin-refused"
    assert "frontdesk site origins" in refused.json()["detail"]
    assert refused.headers["access-control-allow-origin"] == origin


def test_programs_and_the_server_s_own_pages_need_no_key(client: TestClient) -> None:
    assert start(client, None).status_code == 201
    assert start(client, "http://testserver").status_code == 201


def test_a_site_that_is_disabled_is_not_let_in(
    client: TestClient, site: Site, services: Services
) -> None:
    services.sites.disable(site.id)
    assert start(client, key=site.key).status_code == 403
    assert start(client, None, key=site.key).status_code == 404
    assert client.get(f"/v1/sites/{site.key}").status_code == 404


def test_a_conversation_keeps_to_the_origins_of_the_site_that_it_began_on(
    client: TestClient, site: Site, services: Services
) -> None:
    services.sites.add("Other", ["https://other.example"])
    started = start(client, key=site.key).json()
    path = f"/v1/conversations/{started['conversation_id']}"
    token = {"Authorization": f"Bearer {started['token']}"}
    assert client.get(path, headers={**token, "Origin": SHOP}).status_code == 200
    elsewhere = client.get(path, headers={**token, "Origin": "https://other.example"})
    assert elsewhere.status_code == 403


def test_another_site_s_key_is_refused(client: TestClient, site: Site, services: Services) -> None:
    other = services.sites.add("Other", ["https://other.example"])
    assert site
    assert start(client, SHOP, key=other.key).status_code == 403


def test_the_look_of_a_site_is_read_with_its_key(client: TestClient, site: Site) -> None:
    seen = client.get(f"/v1/sites/{site.key}", headers={"Origin": SHOP}).json()
    assert (seen["name"], seen["look"]["title"]) == ("Shop", "Shop")
    assert seen["locales"] == ["en", "de", "es", "ar"]
    assert client.get(f"/v1/sites/{site.id}").status_code == 404


def test_a_user_is_known_from_the_start_or_from_when_they_log_in(
    client: TestClient, site: Site, services: Services
) -> None:
    started = start(client, key=site.key, user_token=sign(site, "u1"), visitor="v1").json()
    customer = services.ledger.read(started["conversation_id"]).customer
    assert (customer.user, customer.visitor, customer.site_id) == ({"id": "u1"}, "v1", site.id)
    later = start(client, key=site.key).json()
    path = f"/v1/conversations/{later['conversation_id']}/user"
    headers = {"Authorization": f"Bearer {later['token']}", "Origin": SHOP}
    for user, status in (("u2", 204), ("u2", 204), ("u3", 409)):
        body = {"user_token": sign(site, user)}
        assert client.post(path, json=body, headers=headers).status_code == status
    assert services.ledger.read(later["conversation_id"]).customer.user == {"id": "u2"}


def test_a_token_that_is_not_the_site_s_is_refused(
    client: TestClient, site: Site, services: Services
) -> None:
    other = services.sites.add("Other", [SHOP])
    refused = start(client, key=site.key, user_token=sign(other, "u1"))
    assert refused.status_code == 401
    assert refused.json()["type"] == "urn:frontdesk:identity-refused"
    assert start(client, None, user_token=sign(site, "u1")).status_code == 401


@pytest.fixture(params=["memory", "redis"])
def limited(request: pytest.FixtureRequest, services: Services) -> Iterator[TestClient]:
    limits: dict[str, object] = {"limit_starts": "2/minute", "limit_messages": "3/minute"}
    if request.param == "redis":
        try:
            with redis.Redis.from_url(REDIS) as server:
                server.flushdb()
        except redis.ConnectionError:
            pytest.skip("no Redis at 127.0.0.1:6379")
        limits["limit_storage_url"] = SecretStr(REDIS)
    with TestClient(create_app(services.settings.model_copy(update=limits), services)) as client:
        yield client


def test_who_asks_too_often_is_told_when_to_come_back(limited: TestClient) -> None:
    began = [start(limited, None) for _ in range(3)]
    assert [answer.status_code for answer in began] == [201, 201, 429]
    assert 1 <= int(began[2].headers["retry-after"]) <= 60
    assert began[2].json()["type"] == "urn:frontdesk:too-many-requests"
    started = began[0].json()
    path = f"/v1/conversations/{started['conversation_id']}"
    token = {"Authorization": f"Bearer {started['token']}"}
    said = [
        limited.post(f"{path}/messages", json={"text": "Hi"}, headers=token).status_code
        for _ in range(4)
    ]
    assert said == [200, 200, 200, 429]
    assert limited.get(path, headers=token).status_code == 200
    assert limited.get("/healthz").status_code == 200


def test_where_redis_is_away_everybody_is_let_in(services: Services) -> None:
    limits = {"limit_starts": "1/minute", "limit_storage_url": SecretStr("redis://127.0.0.1:1/0")}
    with TestClient(create_app(services.settings.model_copy(update=limits), services)) as client:
        assert [start(client, None).status_code for _ in range(2)] == [201, 201]


def test_behind_a_proxy_it_says_who_the_client_is(services: Services) -> None:
    limits = {"limit_starts": "1/minute", "behind_proxy": True}
    settings = services.settings.model_copy(update=limits)
    with TestClient(create_app(settings, services)) as client:
        answers = [
            client.post("/v1/conversations", headers={"X-Forwarded-For": said}).status_code
            for said in ("1.1.1.1", "9.9.9.9, 2.2.2.2", "8.8.8.8, 2.2.2.2", "1.1.1.1")
        ]
    assert answers == [201, 201, 429, 429]
    limits["behind_proxy"] = False
    settings = services.settings.model_copy(update=limits)
    with TestClient(create_app(settings, services)) as client:
        answers = [
            client.post("/v1/conversations", headers={"X-Forwarded-For": said}).status_code
            for said in ("1.1.1.1", "2.2.2.2")
        ]
    assert answers == [201, 429]
