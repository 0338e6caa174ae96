"""Each page of the desk for everybody: wide and light, narrow and dark, and by axe."""

from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from agent.state import Outcome, Reason
from api.app import create_app
from api.assembly import Services, make_id
from api.storage.articles import read_utc
from api.storage.database import migrate, open_database
from api.storage.ledger import Ledger
from tests.api.assistants import FakeAssistant, make_services, make_settings
from tests.api.replies import make_reply
from tests.clients.servers import serve

AXE = (files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")
SERIOUS = {"serious", "critical"}


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    engine = open_database(f"sqlite:///{tmp_path / 'frontdesk.sqlite'}")
    migrate(engine)
    more = {"demo": True, "panel_origins": "https://app.chatwoot.example"}
    settings = make_settings(tmp_path).model_copy(update=more)
    ledger = Ledger(engine, read_utc, make_id)
    yield make_services(engine, ledger, FakeAssistant(), settings)
    engine.dispose()


def hand_off(services: Services) -> str:
    conversation = services.ledger.start_conversation("public")
    for text, reply in (
        ("Where is my refund?", make_reply()),
        ("A person!", make_reply("Of course.", Outcome.HANDED_OFF, Reason.UPSET)),
    ):
        turn = services.ledger.begin_turn(conversation.id, text)
        services.ledger.finish_turn(turn.id, reply)
    return conversation.id


def test_no_page_bars_anybody(browser: Browser, services: Services) -> None:
    conversation_id, site = hand_off(services), services.sites.add("Shop", ["https://a.example"])
    paths = [
        "/desk/login",
        "/desk",
        f"/desk/conversations/{conversation_id}",
        "/desk/sites",
        f"/desk/sites/{site.id}",
        "/desk/panel?host=chatwoot",
    ]
    with serve(create_app(services.settings, services)) as port:
        for scheme, width in (("light", 1280), ("dark", 360)):
            with browser.new_context(
                viewport={"width": width, "height": 800},
                color_scheme=scheme,  # type: ignore[arg-type] # a literal in a tuple
                base_url=f"http://127.0.0.1:{port}",
            ) as context:
                page = context.new_page()
                page.goto("/demo")
                for path in paths:
                    page.goto(path)
                    assert page.evaluate("document.documentElement.scrollWidth") <= width, path
                    page.evaluate(AXE)
                    found = page.evaluate("axe.run()")["violations"]
                    assert [f["id"] for f in found if f["impact"] in SERIOUS] == [], path
