"""The desk over HTTP: logging in, the queue, one conversation."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from fastapi.testclient import TestClient
from httpx2 import Response

from agent.state import Outcome, Reason, Sentence
from api.app import create_app
from api.assembly import Services
from api.desk.dependencies import COOKIE
from api.storage.handoffs import Handoff
from api.storage.staff import EmailTaken, StaffUnknown
from tests.api.assistants import FakeAssistant
from tests.api.replies import SOURCE, make_reply

MIA, TOM, PASSWORD = "mia@larkstay.example", "tom@larkstay.example", "correct horse battery"


@pytest.fixture
def staffed(services: Services) -> Services:
    services.staff.add(MIA, "Mia", PASSWORD, "admin")
    services.staff.add(TOM, "Tom", PASSWORD, "agent")
    return services


@pytest.fixture
def desk(staffed: Services) -> Iterator[TestClient]:
    with TestClient(create_app(staffed.settings, staffed), follow_redirects=False) as client:
        yield client


def log_in(client: TestClient, email: str = MIA, password: str = PASSWORD, **more: str) -> Response:
    return client.post("/desk/login", data={"email": email, "password": password, **more})


def read_csrf(client: TestClient) -> str:
    return client.get("/desk").text.split('data-csrf="')[1].split('"')[0]


def act(client: TestClient, path: str, **fields: str) -> Response:
    return client.post(f"/desk/{path}", data={"csrf": read_csrf(client), **fields})


def hand_off(services: Services, text: str = "A person, please") -> Handoff:
    conversation = services.ledger.start_conversation("public")
    asked = services.ledger.begin_turn(conversation.id, "Where is my <b>refund</b>?")
    services.ledger.finish_turn(asked.id, make_reply())
    turn = services.ledger.begin_turn(conversation.id, text)
    reply = make_reply("A person helps.", Outcome.HANDED_OFF, Reason.ASKED_FOR_PERSON)
    services.ledger.finish_turn(turn.id, reply)
    found = services.handoffs.current(conversation.id)
    assert found
    return found


def test_whoever_is_not_logged_in_comes_back_to_where_they_wanted_to_go(desk: TestClient) -> None:
    sent = desk.get("/desk/numbers?days=7")
    assert sent.headers["location"] == "/desk/login?next_page=/desk/numbers%3Fdays%3D7"
    arrived = log_in(desk, next_page="/desk/numbers?days=7")
    assert (arrived.status_code, arrived.headers["location"]) == (303, "/desk/numbers?days=7")
    assert desk.get("/desk").status_code == 200


@pytest.mark.parametrize("page", ["https://evil.net", "//evil.net", "/other", "/desk/\\evil"])
def test_nobody_is_led_elsewhere(desk: TestClient, page: str) -> None:
    assert log_in(desk, next_page=page).headers["location"] == "/desk"


def test_the_cookie_is_out_of_reach_and_is_kept_as_a_hash(
    desk: TestClient, staffed: Services
) -> None:
    cookie = log_in(desk).headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    token = desk.cookies[COOKIE]
    with staffed.engine.connect() as connection:
        kept = connection.exec_driver_sql("SELECT id FROM staff_sessions").scalar()
    assert kept != token
    assert desk.get("/desk").headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("email", "password"), [(MIA, "wrong"), ("nobody@larkstay.example", PASSWORD), (MIA, " ")]
)
def test_a_wrong_password_says_no_more_than_that(
    desk: TestClient, email: str, password: str
) -> None:
    refused = log_in(desk, email, password)
    assert refused.status_code == 403
    assert "do not belong together" in refused.text
    assert desk.get("/desk").status_code == 303


def test_guessing_is_slowed_down(desk: TestClient) -> None:
    answers = [log_in(desk, MIA, f"guess {n}").status_code for n in range(6)]
    assert answers == [403] * 5 + [429]
    assert log_in(desk).status_code == 429


def test_logging_out_and_being_disabled_end_the_session(
    desk: TestClient, staffed: Services
) -> None:
    log_in(desk)
    assert act(desk, "logout").status_code == 303
    assert desk.get("/desk").status_code == 303
    log_in(desk)
    staffed.staff.disable(MIA)
    assert desk.get("/desk").status_code == 303
    assert log_in(desk).status_code == 403
    staffed.staff.set_password(MIA, "another good password")
    assert log_in(desk, MIA, "another good password").status_code == 303


def test_staff_are_known_by_their_address(staffed: Services) -> None:
    with pytest.raises(EmailTaken):
        staffed.staff.add("MIA@larkstay.example", "Mia again", PASSWORD, "agent")
    with pytest.raises(StaffUnknown):
        staffed.staff.disable("nobody@larkstay.example")
    assert [member.name for member in staffed.staff.everybody()] == ["Mia", "Tom"]


def test_a_form_from_elsewhere_changes_nothing(desk: TestClient, staffed: Services) -> None:
    found = hand_off(staffed)
    log_in(desk)
    path = f"/desk/conversations/{found.conversation_id}/take"
    for fields in ({}, {"csrf": "guess"}):
        assert desk.post(path, data=fields).status_code == 403
    assert staffed.handoffs.find(found.id).state == "waiting"


def test_admins_pages_are_for_admins(desk: TestClient) -> None:
    log_in(desk, TOM)
    assert desk.get("/desk/sites").status_code == 403
    assert "Sites" not in desk.get("/desk").text
    log_in(desk, MIA)
    assert desk.get("/desk/sites").status_code == 200


@pytest.mark.parametrize(
    ("page", "marked"),
    [
        ("/desk/articles", '"/desk/articles" aria-current="page"'),
        ("/desk/articles/new", '"/desk/articles" aria-current="true"'),
        ("/desk/imports", '"/desk/articles" aria-current="true"'),
        ("/desk/numbers", '"/desk/numbers" aria-current="page"'),
    ],
)
def test_the_navigation_says_where_one_is(desk: TestClient, page: str, marked: str) -> None:
    log_in(desk)
    shown = desk.get(page).text
    assert marked in shown
    assert shown.count("aria-current") == 1


def test_a_conversation_that_nobody_handed_off_can_be_read(
    desk: TestClient, staffed: Services
) -> None:
    conversation = staffed.ledger.start_conversation("public")
    log_in(desk)
    shown = desk.get(f"/desk/conversations/{conversation.id}").text
    assert "<h1>Conversation</h1>" in shown
    assert '"/desk" aria-current="true"' in shown


def test_the_queue_shows_who_waits(desk: TestClient, staffed: Services) -> None:
    log_in(desk)
    assert "Nobody waits" in desk.get("/desk").text
    found = hand_off(staffed)
    page = desk.get("/desk/queue").text
    assert f"/desk/conversations/{found.conversation_id}" in page
    assert "asked for person" in page


def test_a_conversation_from_taking_over_to_giving_back(
    desk: TestClient, staffed: Services, assistant: FakeAssistant
) -> None:
    found = hand_off(staffed)
    kept = staffed.suggestions.keep(found.id, found.turn_id, assistant.suggestion, "A refund.")
    log_in(desk)
    path = f"conversations/{found.conversation_id}"
    page = desk.get(f"/desk/{path}").text
    assert "Where is my &lt;b&gt;refund&lt;/b&gt;?" in page
    assert kept.sendable_text in page
    refused = act(desk, f"{path}/send", text="Hello", message_id="m0")
    assert (refused.status_code, refused.json()["detail"]) == (
        409,
        "Take the conversation before you write in it.",
    )
    act(desk, f"{path}/take")
    fields = {"text": f"{kept.sendable_text} Bye.", "message_id": "m1", "inserted": kept.id}
    for _ in range(2):
        assert act(desk, f"{path}/send", **fields).status_code == 303
    (sent,) = staffed.handoffs.messages(found.conversation_id)
    assert sent.sources == (SOURCE,)
    settled = staffed.suggestions.latest(found.id)
    assert settled
    assert (settled.fate, settled.edit_distance) == ("edited", 5)
    assert act(desk, f"{path}/reword", text="Hi", manner="shorter").json() == {"text": "Reworded."}
    act(desk, f"{path}/give-back")
    assert staffed.handoffs.find(found.id).state == "returned"
    late = act(desk, f"{path}/send", text="Wait", message_id="m2")
    assert "nothing was sent" in late.json()["detail"]


def test_who_comes_second_sees_who_has_it(desk: TestClient, staffed: Services) -> None:
    found = hand_off(staffed)
    path = f"conversations/{found.conversation_id}"
    log_in(desk, TOM)
    act(desk, f"{path}/take")
    log_in(desk, MIA)
    assert act(desk, f"{path}/take").status_code == 303
    assert "Tom has this conversation." in desk.get(f"/desk/{path}/state").text
    refused = act(desk, f"{path}/send", text="Hello", message_id="m1")
    assert refused.json()["detail"] == "Tom has this conversation; nothing was sent."
    assert staffed.handoffs.messages(found.conversation_id) == []


def test_what_is_internal_is_marked_and_never_inserted(
    desk: TestClient, staffed: Services, assistant: FakeAssistant
) -> None:
    found = hand_off(staffed)
    secret = Sentence(text="We may add $25.", citations=[SOURCE.passage_id])
    internal = {"sentences": [secret], "internal": [SOURCE.passage_id]}
    made = assistant.suggestion.model_copy(update=internal)
    staffed.suggestions.keep(found.id, found.turn_id, made, None)
    log_in(desk)
    part = desk.get(f"/desk/conversations/{found.conversation_id}/suggestion").text
    assert "internal: not for customers" in part
    assert 'data-text=""' in part
    assert 'id="insert"' not in part


def test_throwing_a_suggestion_away_is_kept(
    desk: TestClient, staffed: Services, assistant: FakeAssistant
) -> None:
    found = hand_off(staffed)
    staffed.suggestions.keep(found.id, found.turn_id, assistant.suggestion, None)
    log_in(desk)
    path = f"conversations/{found.conversation_id}"
    act(desk, f"{path}/take")
    act(desk, f"{path}/discard")
    act(desk, f"{path}/close")
    settled = staffed.suggestions.latest(found.id)
    assert settled
    assert settled.fate == "discarded"
    assert staffed.handoffs.find(found.id).state == "closed"


def test_the_owner_s_page_keeps_what_is_right_and_shows_what_is_wrong(
    desk: TestClient, staffed: Services
) -> None:
    log_in(desk)
    refused = act(desk, "sites", name="Shop", origins="shop.example")
    assert refused.status_code == 422
    assert "shop.example is no origin" in refused.text
    added = act(desk, "sites", name="Shop", origins="https://shop.example")
    path = added.headers["location"].removeprefix("/desk/")
    (site,) = staffed.sites.all()
    assert f"data-key=&#34;{site.key}&#34;" in desk.get(f"/desk/{path}").text
    look = {"accent": "#003366", "accent_dark": "#99ccff", "title": "Ask us", "position": "left"}
    form = {"name": "Shop", "origins": "https://shop.example", **look}
    assert act(desk, path, **form, questions="One?\n\nTwo?").status_code == 200
    kept = staffed.sites.find(site.id).look
    assert (kept.title, kept.questions, kept.position) == ("Ask us", ("One?", "Two?"), "left")
    wrong = act(desk, path, **{**form, "accent": "blue", "title": "Mine"})
    assert wrong.status_code == 422
    assert 'value="Mine"' in wrong.text
    assert staffed.sites.find(site.id).look == kept
    act(desk, f"{path}/disable")
    assert staffed.sites.find(site.id).disabled_at
    preview = desk.get(f"/desk/{path}/preview")
    assert site.key in preview.text
    assert "frame-ancestors 'self'" in preview.headers["content-security-policy"]


def test_the_panel_is_off_until_a_help_desk_is_named(desk: TestClient) -> None:
    log_in(desk)
    off = desk.get("/desk/panel?host=chatwoot")
    assert off.status_code == 404
    assert "FRONTDESK_PANEL_ORIGINS" in off.text


def test_a_session_in_another_help_desk_s_page_has_a_cookie_of_its_own(staffed: Services) -> None:
    origins = {"panel_origins": "https://app.chatwoot.example https://acme.zendesk.example"}
    settings = staffed.settings.model_copy(update=origins)
    app = create_app(settings, replace(staffed, settings=settings))
    with TestClient(app, base_url="https://testserver", follow_redirects=False) as client:
        cookie = log_in(client).headers["set-cookie"].lower()
        assert {"secure", "samesite=none", "partitioned"} <= set(cookie.split("; "))
        panel = client.get("/desk/panel?host=zendesk")
        policy = panel.headers["content-security-policy"]
        assert policy.endswith(f"frame-ancestors 'self' {origins['panel_origins']}")
        assert client.get("/desk").headers["content-security-policy"].endswith("'self'")
        csrf = panel.text.split('data-csrf="')[1].split('"')[0]
        answer = client.post("/desk/panel", data={"csrf": csrf, "text": "Refund?"})
        assert SOURCE.text in answer.text
