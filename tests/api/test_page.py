"""The page, in a real browser, with a real server and an assistant that does as it is told."""

import os
import re
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import anyio
import pytest
import uvicorn
from fastapi.testclient import TestClient
from playwright.sync_api import Page, expect, sync_playwright

from agent.state import Outcome, Reason
from api.app import create_app
from api.assembly import Services
from tests.api.assistants import FakeAssistant
from tests.api.replies import make_reply

PAGES = Path(__file__).parents[2] / "api" / "pages"
CHROMIUM = shutil.which("chromium")


def test_the_page_loads_nothing_from_elsewhere_and_never_sets_html(client: TestClient) -> None:
    response = client.get("/")
    assert response.status_code == 200
    policy = response.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    for path in (path for path in PAGES.rglob("*") if path.is_file()):
        text = path.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
        assert "//" not in re.sub(r"^\s*//.*$", "", text, flags=re.MULTILINE), path
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|\son\w+=|style=", text), path


@pytest.fixture
def address(services: Services) -> Iterator[str]:
    config = uvicorn.Config(create_app(services.settings, services), port=0, log_config=None)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=anyio.run, args=(server._serve,))
    thread.start()
    while not server.started:
        threading.Event().wait(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join()


@pytest.fixture
def page(address: str) -> Iterator[Page]:
    if not CHROMIUM:
        pytest.skip("there is no chromium on this machine")
    sandbox = [] if os.getuid() else ["--no-sandbox"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=sandbox)
        opened = browser.new_page(viewport={"width": 360, "height": 740})
        problems: list[str] = []
        opened.on("pageerror", lambda error: problems.append(str(error)))
        opened.on("console", lambda m: problems.append(m.text) if m.type == "error" else None)
        opened.goto(address)
        yield opened
        browser.close()
    assert problems == []


def test_a_suggestion_is_answered_and_its_passage_can_be_read(page: Page) -> None:
    page.get_by_role("button", name="I cancelled yesterday").click()
    answer = page.locator(".answer")
    expect(answer).to_contain_text("Your refund arrives in 5 to 10 days.")
    answer.get_by_role("button", name="Source 1: When refunds arrive").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Cards")
    expect(dialog).to_contain_text("Refunds to cards arrive in 5 to 10 days.")
    dialog.get_by_role("button", name="Close").click()
    expect(dialog).to_be_hidden()
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


@pytest.mark.parametrize(
    ("outcome", "reason", "title"),
    [
        (Outcome.ABSTAINED, Reason.NO_EVIDENCE, "No answer in the help articles"),
        (Outcome.HANDED_OFF, Reason.ASKED_FOR_PERSON, "Handed over to a person"),
        (Outcome.CLARIFIED, Reason.VAGUE, "One question back"),
    ],
)
def test_each_outcome_is_shown_for_what_it_is(
    page: Page, assistant: FakeAssistant, outcome: Outcome, reason: Reason, title: str
) -> None:
    assistant.reply_with = make_reply("<b>What</b> was said.", outcome, reason)
    page.get_by_label("Your message").fill("Hello")
    page.keyboard.press("Enter")
    reply = page.locator(".reply")
    expect(reply).to_contain_text(title)
    expect(reply).to_contain_text("<b>What</b> was said.")


def test_a_thumb_is_kept(page: Page, services: Services) -> None:
    page.get_by_role("button", name="Can I bring my dog?").click()
    thumb = page.get_by_role("button", name="Yes, this helped")
    thumb.click()
    expect(thumb).to_have_attribute("aria-pressed", "true")
    rating = services.ledger.turn("id-1", "id-2").rating
    assert rating is not None
    assert rating.helpful


def test_what_failed_can_be_tried_again(page: Page, assistant: FakeAssistant) -> None:
    assistant.error = RuntimeError("boom")
    page.get_by_role("button", name="it doesn't work").click()
    again = page.get_by_role("button", name="Try again")
    expect(again).to_be_visible()
    assistant.error = None
    again.click()
    expect(page.locator(".answer")).to_be_visible()
    assert len(set(assistant.asked)) == 1


def test_a_new_conversation_begins_empty(page: Page, assistant: FakeAssistant) -> None:
    page.get_by_role("button", name="Can I bring my dog?").click()
    expect(page.locator(".answer")).to_be_visible()
    page.get_by_role("button", name="New conversation").click()
    expect(page.locator(".answer")).to_have_count(0)
    page.get_by_role("button", name="Can I bring my dog?").click()
    expect(page.locator(".answer")).to_have_count(1)
    assert assistant.asked == ["id-2", "id-4"]
