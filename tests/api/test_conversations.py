from datetime import UTC, datetime, timedelta

import jwt
import pytest
from fastapi.testclient import TestClient

from agent.errors import ModelBusy, ModelFailed, ModelUnusable
from agent.state import Outcome, Reason
from api.auth import Tokens
from api.storage.ledger import Ledger
from tests.api.assistants import SECRET, FakeAssistant
from tests.api.frames import Customer, read_frames
from tests.api.replies import make_reply

FRAMES = """\
event: sources
data: {"type":"sources","sources":[{"passage_id":"refunds#1","article_id":"refunds",\
"title":"When refunds arrive","heading_path":["Cards"],\
"text":"Refunds to cards arrive in 5 to 10 days."}]}

event: sentence
data: {"type":"sentence","sentence":{"text":"Your refund arrives in 5 to 10 days.",\
"citations":["refunds#1"]}}

event: done
data: {"type":"done","turn_id":"id-2","reply":{"outcome":"answered","reason":"supported",\
"confidence":0.9,"text":"Your refund arrives in 5 to 10 days.",\
"sentences":[{"text":"Your refund arrives in 5 to 10 days.","citations":["refunds#1"]}],\
"sources":[{"passage_id":"refunds#1","article_id":"refunds","title":"When refunds arrive",\
"heading_path":["Cards"],"text":"Refunds to cards arrive in 5 to 10 days."}],\
"timings":{"first_source_s":0.1,"first_sentence_s":0.5,"total_s":1.0},\
"provenance":{"model":"fake","model_sha256":"","prompt_version":"1","index_generation":1,"seed":0},\
"language":"en"}}

"""


@pytest.fixture
def customer(client: TestClient) -> Customer:
    return Customer(client)


def test_a_reply_comes_as_these_frames(customer: Customer) -> None:
    response = customer.say("Where is my refund?")
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/event-stream")
    assert response.headers["turn-id"] == "id-2"
    assert response.text == FRAMES


@pytest.mark.parametrize(
    ("outcome", "reason", "events"),
    [
        (Outcome.ANSWERED, Reason.SUPPORTED, ["sources", "sentence", "done"]),
        (Outcome.CLARIFIED, Reason.VAGUE, ["sources", "clarification", "done"]),
        (Outcome.HANDED_OFF, Reason.ASKED_FOR_PERSON, ["sources", "handed_off", "done"]),
        (Outcome.ABSTAINED, Reason.NO_EVIDENCE, ["sources", "done"]),
    ],
)
def test_a_stored_reply_is_replayed_as_it_came(
    customer: Customer,
    assistant: FakeAssistant,
    outcome: Outcome,
    reason: Reason,
    events: list[str],
) -> None:
    assistant.reply_with = make_reply("Text.", outcome, reason)
    first = customer.say("Hi")
    assert [name for name, _ in read_frames(first.text)] == events
    again = customer.get(f"/turns/{first.headers['turn-id']}/events")
    assert again.text == first.text
    assert len(assistant.asked) == 1


def test_a_conversation_is_read_back_with_its_rating(customer: Customer) -> None:
    turn_id = customer.say("Where is my refund?").headers["turn-id"]
    rated = customer.post(f"/turns/{turn_id}/rating", {"helpful": True, "comment": "Thanks"})
    assert rated.status_code == 204
    read = customer.get("").json()
    assert read["turns"][0]["question"] == "Where is my refund?"
    assert read["turns"][0]["reply"]["text"] == "Your refund arrives in 5 to 10 days."
    assert read["turns"][0]["rating"] == {"helpful": True, "comment": "Thanks"}


def test_the_same_message_id_is_answered_once(customer: Customer, assistant: FakeAssistant) -> None:
    first = customer.say("Hi", message_id="m1")
    assert customer.say("Hi", message_id="m1").text == first.text
    assert len(assistant.asked) == 1
    assert len(customer.get("").json()["turns"]) == 1


def test_the_same_message_id_with_another_text_is_refused(customer: Customer) -> None:
    customer.say("Hi", message_id="m1")
    refused = customer.say("Ho", message_id="m1")
    assert refused.status_code == 409
    assert refused.json()["type"] == "urn:frontdesk:message-reused"


@pytest.mark.parametrize(
    ("error", "kind", "retry"),
    [
        (ModelBusy(2.4), "model-busy", 3),
        (ModelFailed("secret words"), "model-failed", 1),
        (ModelUnusable("secret words"), "model-unusable", None),
        (RuntimeError("secret words"), "unexpected", None),
    ],
)
def test_a_turn_that_fails_ends_in_an_error_event_and_stays_pending(
    customer: Customer, assistant: FakeAssistant, error: Exception, kind: str, retry: int | None
) -> None:
    assistant.error = error
    response = customer.say("Hi")
    name, problem = read_frames(response.text)[-1]
    assert name == "error"
    assert problem["type"] == f"urn:frontdesk:{kind}"
    assert problem.get("retry_after_s") == retry
    assert "secret" not in response.text
    assert customer.get("").json()["turns"][0]["status"] == "pending"
    assistant.error = None
    again = customer.get(f"/turns/{response.headers['turn-id']}/events")
    assert read_frames(again.text)[-1][0] == "done"


def test_another_conversation_is_not_found(client: TestClient, customer: Customer) -> None:
    other = Customer(client)
    turn_id = other.say("Mine").headers["turn-id"]
    other.path = f"/v1/conversations/{customer.conversation_id}"
    for response in (
        other.get(""),
        other.say("Hi"),
        other.get(f"/turns/{turn_id}/events"),
        other.post(f"/turns/{turn_id}/rating", {"helpful": True}),
    ):
        assert response.status_code == 404
        assert response.headers["content-type"] == "application/problem+json"
    assert customer.get(f"/turns/{turn_id}/events").status_code == 404


def test_a_token_for_a_conversation_that_is_gone_is_not_found(customer: Customer) -> None:
    customer.use("gone", Tokens(SECRET).issue("gone", datetime.now(UTC)))
    assert customer.get("").status_code == 404
    assert customer.say("Hi").status_code == 404


def make_token(**changes: object) -> str:
    now = datetime.now(UTC)
    claims = {"sub": "id-1", "aud": "conversation", "exp": now + timedelta(days=1), **changes}
    return jwt.encode(claims, SECRET, algorithm="HS256")


@pytest.mark.parametrize(
    "header",
    [
        None,
        "Basic abc",
        "Bearer nonsense",
        f"Bearer {make_token(aud='desk')}",
        f"Bearer {make_token(exp=datetime(2020, 1, 1, tzinfo=UTC))}",
        f"Bearer {jwt.encode({'sub': 'id-1', 'aud': 'conversation'}, SECRET, 'HS256')}",
        f"Bearer {jwt.encode({'sub': 'id-1'}, SECRET * 2, 'HS512')}",
        f"Bearer {jwt.encode({'sub': 'id-1'}, '', 'none')}",
    ],
    ids=["none", "basic", "nonsense", "audience", "expired", "endless", "algorithm", "unsigned"],
)
def test_a_token_that_is_not_good_is_refused(customer: Customer, header: str | None) -> None:
    customer.headers = {"Authorization": header} if header else {}
    response = customer.get("")
    assert response.status_code == 401
    assert response.headers["www-authenticate"] == "Bearer"
    assert response.json()["type"] == "urn:frontdesk:token-refused"


@pytest.mark.parametrize(
    "body",
    [
        {"text": ""},
        {"text": "  \n"},
        {"text": "a\x00b"},
        {"text": "x" * 201},
        {"text": 5},
        {"text": "Hi", "message_id": "has space"},
        {"text": "Hi", "xyzzy": 1},
        {},
    ],
)
def test_a_message_that_is_not_good_is_refused_without_repeating_it(
    customer: Customer, body: dict[str, object]
) -> None:
    response = customer.post("/messages", body)
    assert response.status_code == 422
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["errors"]
    assert "xyzzy" not in response.text
    assert customer.get("").json()["turns"] == []


def test_a_body_that_is_far_too_large_is_refused(customer: Customer) -> None:
    response = customer.say("x" * 100_000)
    assert response.status_code == 413
    assert response.headers["content-type"] == "application/problem+json"


def test_unknown_paths_and_methods_are_problems(client: TestClient) -> None:
    for response, status in ((client.get("/nowhere"), 404), (client.delete("/healthz"), 405)):
        assert response.status_code == status
        assert response.headers["content-type"] == "application/problem+json"
        assert response.json()["status"] == status


def test_an_unexpected_error_is_a_bare_problem(client: TestClient, ledger_broken: Ledger) -> None:
    assert ledger_broken
    response = client.post("/v1/conversations")
    assert response.status_code == 500
    assert response.headers["content-type"] == "application/problem+json"
    assert "sqlite" not in response.text.lower()
