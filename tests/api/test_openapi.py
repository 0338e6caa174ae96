"""The schema is a stable edge. After a change that is meant:
    python -m tests.api.test_openapi
writes the snapshot anew.
"""

import json
import re
from pathlib import Path
from typing import Any

import schemathesis
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from schemathesis import APIOperation, Case
from schemathesis.core.result import Ok

from api.app import create_app
from api.assembly import Services
from api.settings import Settings

SNAPSHOT = Path(__file__).parent / "openapi.json"
# These have OpenAI's form of errors.
OPENAI = re.compile(r"/v1/(chat|models)")
DOCS = Path(__file__).parents[2] / "docs" / "http-api.md"


def make_schema() -> dict[str, Any]:
    return create_app(Settings()).openapi()


def render(schema: dict[str, Any]) -> str:
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def test_the_schema_is_as_agreed() -> None:
    assert render(make_schema()) == SNAPSHOT.read_text(encoding="utf-8")


def test_every_route_is_documented_with_an_example() -> None:
    text = DOCS.read_text(encoding="utf-8")
    for path, methods in make_schema()["paths"].items():
        for method in methods:
            assert f"## `{method.upper()} {path}`" in text
    assert text.count("curl ") >= len(make_schema()["paths"])


def test_no_request_that_the_schema_allows_breaks_the_service(
    client: TestClient, services: Services
) -> None:
    started = client.post("/v1/conversations").json()
    headers = {"Authorization": f"Bearer {started['token']}"}
    own = {"conversation_id": started["conversation_id"]}
    key = {"Authorization": f"Bearer {services.api_keys.add('probe', 'public')[1]}"}
    schema = schemathesis.openapi.from_asgi("/openapi.json", client.app)
    ending = schema.exclude(path_regex="/live$")
    for result in ending.get_all_operations():
        assert isinstance(result, Ok)
        operation = result.ok()
        probe(operation, own, key if OPENAI.match(operation.path) else headers)


def probe(
    operation: APIOperation[Any, Any, Any, Any], own: dict[str, str], headers: dict[str, str]
) -> None:
    @settings(
        max_examples=12,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy())
    def check(case: Case[Any]) -> None:
        generated = dict(case.path_parameters or {})
        for path in (generated, {**generated, **own} if generated else generated):
            case.path_parameters = path
            response = case.call(headers=headers)
            assert response.status_code < 500
            if response.status_code >= 400:
                openai = OPENAI.match(operation.path)
                form = "application/json" if openai else "application/problem+json"
                assert response.headers["content-type"] == [form]
                assert not openai or response.json()["error"]["message"]

    check()


if __name__ == "__main__":
    SNAPSHOT.write_text(render(make_schema()), encoding="utf-8")
