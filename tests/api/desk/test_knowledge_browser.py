"""The knowledge pages in a real browser: each is looked at, light and dark, wide and narrow."""

import os
import shutil
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from importlib.resources import files

import anyio
import pytest
import uvicorn
from playwright.sync_api import Browser, Page, expect, sync_playwright

from agent.state import Reason
from api.app import create_app
from api.assembly import Services
from api.desk.dependencies import COOKIE
from knowledge_base.articles import STAFF, Article
from tests.agent.triage.histories import TICKETS, train_into
from tests.api.assistants import FakeAssistant
from tests.api.desk.history import History, answer
from tests.api.desk.knowledge_app import log_in
from tests.api.desk.test_knowledge_pages import cite, suggest

AXE = files("axe_playwright_python") / "axe.min.js"
CHROMIUM = shutil.which("chromium")
PETS = Article("pets", "Pets", "Dogs are welcome in most homes.")
LIMITS = Article("limits", "Limits", "Up to 50 euros.", STAFF)
PATHS = ("questions", "articles", "article?id=pets", "articles/new", "imports", "numbers", "ask")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if not CHROMIUM:
        pytest.skip("there is no chromium on this machine")
    sandbox = [] if os.getuid() else ["--no-sandbox"]
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=sandbox)
        yield opened
        opened.close()


@pytest.fixture
def talk(services: Services) -> str:
    history = History(services.engine, datetime.now(UTC) - timedelta(days=2))
    history.hire()
    history.open_site("north", "Larkstay North")
    library = services.knowledge.library
    library.store(PETS)
    library.store(LIMITS)
    history.ask(history.start("north"), "May my dog come?", answer([cite(PETS)]))
    library.store(Article("pets", "Pets", "Dogs are welcome in few homes."))
    handoff = history.hand_off(history.start(), "Is there a cot?", Reason.ABSTAINED_TWICE)
    history.write(handoff, "Every home lends a **cot**.")
    history.suggest(handoff, "edited", 9)
    here = history.start()
    history.abstain(here, "Is there a cot?")
    return here


@pytest.fixture
def address(services: Services, assistant: FakeAssistant, talk: str) -> Iterator[str]:
    assert talk
    assistant.suggestion = suggest(LIMITS, PETS)
    app = create_app(services.settings, services)
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None))
    thread = threading.Thread(target=anyio.run, args=(server._serve,))
    thread.start()
    while not server.started:
        threading.Event().wait(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join()


@pytest.fixture
def page(browser: Browser, address: str, services: Services) -> Iterator[Page]:
    opened = browser.new_page(viewport={"width": 1280, "height": 800}, base_url=address)
    token = log_in(services).token
    opened.context.add_cookies([{"name": COOKIE, "value": token, "url": address}])
    problems: list[str] = []
    opened.on("pageerror", lambda error: problems.append(str(error)))
    opened.on("console", lambda m: problems.append(m.text) if m.type == "error" else None)
    yield opened
    opened.close()
    assert problems == []


def test_each_page_fits_a_telephone_and_axe_finds_nothing_serious(page: Page) -> None:
    for scheme, width in (("light", 1280), ("dark", 360)):
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        page.set_viewport_size({"width": width, "height": 800})
        for path in PATHS:
            page.goto(f"/desk/{path}")
            assert page.evaluate("document.documentElement.scrollWidth") <= width, path
            assert list_serious(page) == [], path


def test_a_question_becomes_an_article(page: Page, services: Services) -> None:
    page.goto("/desk/questions")
    expect(page.get_by_role("heading", name="Is there a cot?")).to_be_visible()
    page.get_by_role("link", name="Write an article").click()
    text = page.get_by_label("Text, in Markdown")
    expect(text).to_have_value("Every home lends a **cot**.")
    text.press_sequentially(" And a *chair*.")
    expect(page.locator("#preview em")).to_have_text("chair")
    page.get_by_label("Staff only").check()
    page.get_by_role("button", name="Store the article").click()
    expect(page.get_by_role("status")).to_contain_text("Stored.")
    stored = services.knowledge.library.find("desk/is-there-a-cot")
    assert stored is not None
    assert stored.audience == STAFF


def test_charts_are_drawn_and_a_table_says_the_same(page: Page) -> None:
    page.goto("/desk/numbers")
    chart = page.get_by_role("img", name="Conversations by day")
    expect(chart).to_be_visible()
    drawn = "c => c.getContext('2d').getImageData(0, 0, c.width, c.height).data.some(Boolean)"
    assert chart.evaluate(drawn)
    page.get_by_label("Days").select_option("7")
    page.get_by_label("Site").select_option("Larkstay North")
    page.get_by_role("button", name="Show").click()
    rows = page.get_by_role("region", name="Numbers by day").locator("tbody tr")
    expect(rows).to_have_count(7)


def test_the_articles_answer_without_a_new_page(page: Page) -> None:
    page.goto("/desk/ask")
    page.get_by_label("Question").fill("How much goodwill?")
    page.keyboard.press("Enter")
    expect(page.locator(".source.internal")).to_contain_text("Up to 50 euros.")
    expect(page.get_by_label("Question")).to_have_value("How much goodwill?")
    page.get_by_role("link", name="Source 1").click()
    expect(page.locator("#source-1")).to_be_in_viewport()


def list_serious(page: Page) -> list[str]:
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("axe.run()")["violations"]
    return [item["id"] for item in found if item["impact"] in {"serious", "critical"}]


def test_a_conversation_has_answers_beside_it(page: Page, talk: str) -> None:
    page.goto(f"/desk/conversations/{talk}")
    before = page.get_by_role("region", name="Resolved before")
    expect(before.get_by_role("link", name="Is there a cot?")).to_be_visible()
    expect(before).to_contain_text("Every home lends a **cot**.")
    page.get_by_text("Ask the articles").click()
    page.get_by_label("Question").fill("How much goodwill?")
    page.keyboard.press("Enter")
    expect(page.locator("#answer .source.internal")).to_contain_text("Up to 50 euros.")
    expect(page.get_by_role("region", name="Conversation")).to_be_visible()


def test_tickets_are_uploaded_followed_and_settled(page: Page, services: Services) -> None:
    train_into(services.settings.data)
    page.goto("/desk/triage")
    page.get_by_label("File of tickets").set_input_files(TICKETS / "new.csv")
    page.get_by_role("button", name="Upload").click()
    expect(page.get_by_role("heading", name="For you to settle")).to_be_visible(timeout=30_000)
    for scheme, width in (("light", 1280), ("dark", 360)):
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert list_serious(page) == []
    doubts = page.locator("ol.groups > li")
    before = doubts.count()
    doubts.first.get_by_label("category").select_option("listing")
    doubts.first.get_by_role("button", name="Settle").click()
    expect(doubts).to_have_count(before - 1)
    ((_, chosen),) = services.settlements.list_tickets()
    assert chosen["category"] == "listing"
    page.goto("/desk/triage")
    expect(page.get_by_role("link", name="new.csv")).to_be_visible()
    assert list_serious(page) == []


def test_files_are_uploaded_through_the_form(page: Page, services: Services) -> None:
    page.goto("/desk/imports")
    files = [
        {"name": "pool.md", "mimeType": "text/markdown", "buffer": b"# Pool\n\nHeated from May."},
        {"name": "photo.png", "mimeType": "image/png", "buffer": b"PNG"},
    ]
    page.get_by_label("Files").set_input_files(files)  # type: ignore[arg-type]
    page.get_by_role("button", name="Upload").click()
    expect(page.get_by_role("status")).to_contain_text("1 article added")
    expect(page.get_by_role("status")).to_contain_text("photo.png: files of this kind")
    assert services.knowledge.library.find("pool") is not None
