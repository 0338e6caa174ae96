"""The demo, website and desk side by side, from the first question to the thumb.

`PICTURES=docs python -m pytest tests/clients/test_demo.py` takes the README's pictures anew.
"""

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.responses import HTMLResponse
from playwright.sync_api import Browser, Page, expect

from agent.state import Outcome, Reason, Sentence, Source, Suggestion
from api.app import create_app
from api.assembly import Services, make_id
from api.storage.articles import read_utc
from api.storage.database import migrate, open_database
from api.storage.ledger import Ledger
from tests.api.assistants import FakeAssistant, make_services, make_settings
from tests.api.replies import make_reply
from tests.clients.servers import serve

REFUNDS = Source(
    passage_id="refund-times#0",
    article_id="refund-times",
    title="How long refunds take",
    heading_path=["Cards"],
    text="A refund to a credit card arrives 5 to 7 business days after Larkstay sends it.",
)
OVERRIDE = Source(
    passage_id="refund-override#0",
    article_id="refund-override",
    title="Refund override",
    heading_path=[],
    text="After ten business days, staff may send a refund again.",
)
ANSWER = Sentence(text=REFUNDS.text, citations=[REFUNDS.passage_id])
SECRET = Sentence(text=OVERRIDE.text, citations=[OVERRIDE.passage_id])
QUESTION = "I cancelled yesterday, when does my money come back to my card?"
HOSTS = {
    "chatwoot": """<!doctype html><title>Help desk</title><iframe src="{panel}?host=chatwoot"
 width="500" height="600"></iframe><script>
const said = (content, message_type) => ({{ content, message_type }});
const messages = [said("Hello", 0), said("How can we help?", 1), said("{question}", 0)];
addEventListener("message", (event) => {{
  if (event.data !== "chatwoot-dashboard-app:fetch-info") return;
  const told = {{ event: "appContext", data: {{ conversation: {{ messages }} }} }};
  event.source.postMessage(JSON.stringify(told), "*");
}});</script>""",
    "zendesk": """<!doctype html><title>Help desk</title><iframe width="500" height="600"
 src="{panel}?host=zendesk&app_guid=g1&origin={origin}"></iframe><p id="comment"></p><script>
addEventListener("message", ({{ data, source, origin }}) => {{
  const asked = typeof data === "string" ? JSON.parse(data) : data;
  const send = (message) => source.postMessage(message, origin);
  if (String(asked.key).startsWith("iframe.handshake")) {{
    send({{ key: "zaf.app.registered", message: {{ context: {{}} }} }});
  }}
  if (asked.request === "get") {{
    const result = {{ "ticket.subject": "Refund", "ticket.description": "<p>{question}</p>" }};
    send({{ id: asked.id, result }});
  }}
  if (asked.request === "invoke") {{
    document.querySelector("#comment").textContent = asked.params["comment.appendText"];
    send({{ id: asked.id, result: {{}} }});
  }}
}});</script>""",
}


class Assistant(FakeAssistant):
    """Answers about refunds, and passes on who asks for a person."""

    def __init__(self) -> None:
        super().__init__()
        answer = make_reply(REFUNDS.text)
        kept = {"sentences": [ANSWER], "sources": [REFUNDS]}
        self.reply_with = answer.model_copy(update=kept)
        self.suggestion = Suggestion(
            outcome=Outcome.ANSWERED,
            text=f"{ANSWER.text} {SECRET.text}",
            sentences=[ANSWER, SECRET],
            sources=[REFUNDS, OVERRIDE],
            internal=[OVERRIDE.passage_id],
        )

    async def summarise(self, conversation: object) -> str:
        assert conversation
        return "Wants to know when a cancelled booking's refund arrives; asks for a person."


@pytest.fixture
def assistant() -> Assistant:
    return Assistant()


@pytest.fixture
def services(assistant: Assistant, tmp_path: Path) -> Iterator[Services]:
    engine = open_database(f"sqlite:///{tmp_path / 'frontdesk.sqlite'}")
    migrate(engine)
    settings = make_settings(tmp_path).model_copy(update={"demo": True})
    yield make_services(engine, Ledger(engine, read_utc, make_id), assistant, settings)
    engine.dispose()


@pytest.fixture
def page(browser: Browser, services: Services) -> Iterator[Page]:
    with (
        serve(create_app(services.settings, services)) as port,
        browser.new_context(
            viewport={"width": 1440, "height": 900},
            reduced_motion="reduce",
            base_url=f"http://127.0.0.1:{port}",
        ) as context,
    ):
        context.set_default_timeout(30_000)
        yield context.new_page()


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    return Path(os.environ.get("PICTURES", tmp_path))


def test_ask_take_over_reply_give_back_rate(
    page: Page, services: Services, assistant: Assistant, pictures: Path
) -> None:
    page.goto("/demo")
    shop, desk = page.frame_locator("#shop"), page.frame_locator("#desk")
    shop.locator(".launcher").click()
    chat = shop.locator("frontdesk-chat .panel")
    chat.get_by_role("button", name=QUESTION).click()
    expect(chat.locator(".answer").first).to_contain_text("5 to 7 business days")
    answered = assistant.reply_with
    passing_on = "Of course. I'm passing you on to a person, who will see everything you wrote."
    assistant.reply_with = make_reply(passing_on, Outcome.HANDED_OFF, Reason.ASKED_FOR_PERSON)
    chat.get_by_role("button", name="Talk to a person").first.click()
    waiting = desk.locator(".queue-link")
    expect(waiting).to_contain_text("cancelled booking's refund")
    waiting.click()
    suggestion = desk.locator("#suggestion")
    expect(suggestion).to_contain_text("internal: not for customers")
    desk.get_by_role("button", name="Take over").click()
    expect(chat.locator(".banner")).to_contain_text("Mia is answering you.")
    reply = desk.get_by_label("Your reply")
    reply.focus()
    page.keyboard.press("Alt+i")
    expect(reply).to_have_value(ANSWER.text)
    reply.press_sequentially(" Shall I look into it?")
    page.screenshot(path=pictures / "demo.png")
    page.keyboard.press("Control+Enter")
    expect(chat.locator(".from-person")).to_contain_text("Shall I look into it?")
    expect(suggestion).to_contain_text("edited")
    (handoff,) = services.handoffs.queue()
    settled = services.suggestions.latest(handoff.id)
    assert settled
    assert settled.edit_distance == len(" Shall I look into it?")
    composer = chat.locator("textarea")
    composer.fill("No, thank you!")
    composer.press("Enter")
    expect(desk.locator("#thread")).to_contain_text("No, thank you!")
    desk.get_by_role("button", name="Give back to the agent").click()
    expect(chat.locator(".banner")).to_be_hidden()
    assistant.reply_with = answered
    composer.fill("And on a credit card?")
    composer.press("Enter")
    expect(chat.locator(".answer")).to_have_count(3)
    chat.get_by_role("button", name="Yes, this helped").last.click()
    expect(desk.locator("#thread")).to_contain_text("helped")
    assert next(iter(assistant.resumed.values()))[0].startswith(ANSWER.text)
    page.screenshot(path=pictures / "demo-after.png")


@pytest.mark.parametrize("host", HOSTS)
def test_the_panel_reads_the_ticket_of_the_help_desk_around_it(
    browser: Browser, services: Services, host: str
) -> None:
    shown = FastAPI()
    text = ""

    @shown.get("/")
    async def show() -> HTMLResponse:
        return HTMLResponse(text)

    with serve(shown) as outer:
        origin = f"http://127.0.0.1:{outer}"
        settings = services.settings.model_copy(update={"panel_origins": origin})
        app = create_app(settings, replace(services, settings=settings))
        with serve(app) as port, browser.new_context() as context:
            context.set_default_timeout(30_000)
            address = f"http://127.0.0.1:{port}"
            page = context.new_page()
            page.goto(f"{address}/demo")  # where one is logged in
            values = {"panel": f"{address}/desk/panel", "origin": origin, "question": QUESTION}
            text = HOSTS[host].format(**values)
            page.goto(origin)
            panel = page.frame_locator("iframe")
            expect(panel.locator("#answer")).to_contain_text("5 to 7 business days")
            assert QUESTION in panel.locator("textarea").input_value()
            panel.locator("#insert").click()
            if host == "zendesk":
                expect(page.locator("#comment")).to_have_text(ANSWER.text)


def test_the_panel_hears_nobody_else(browser: Browser, services: Services) -> None:
    stranger, heard = FastAPI(), []
    text = ""

    @stranger.get("/")
    async def show() -> HTMLResponse:
        return HTMLResponse(text)

    settings = services.settings.model_copy(update={"panel_origins": "https://desk.example"})
    with (
        serve(stranger) as outer,
        serve(create_app(settings, replace(services, settings=settings))) as port,
        browser.new_context() as context,
    ):
        page = context.new_page()
        page.on("console", lambda message: heard.append(message.text))
        page.goto(f"http://127.0.0.1:{port}/demo")
        values = {"panel": f"http://127.0.0.1:{port}/desk/panel", "origin": "", "question": "Hi"}
        text = HOSTS["chatwoot"].format(**values)
        page.goto(f"http://127.0.0.1:{outer}")
        page.wait_for_timeout(500)
        assert any("frame-ancestors" in said for said in heard)
