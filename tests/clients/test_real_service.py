"""The widget and the real service, on the demo's website, from the first question to the thumb."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.responses import HTMLResponse
from playwright.sync_api import Browser, expect

from agent.state import Outcome, Reason
from api.app import create_app
from api.assembly import Services, make_id
from api.storage.articles import read_utc
from api.storage.database import migrate, open_database
from api.storage.ledger import Ledger
from tests.api.assistants import FakeAssistant, make_services, make_settings
from tests.api.people import add_staff, be_seen
from tests.api.replies import make_reply
from tests.clients.conftest import DESKTOP, Customer
from tests.clients.servers import serve


@pytest.fixture
def assistant() -> FakeAssistant:
    return FakeAssistant()


@pytest.fixture
def services(assistant: FakeAssistant, tmp_path: Path) -> Iterator[Services]:
    engine = open_database(f"sqlite:///{tmp_path / 'frontdesk.sqlite'}")
    migrate(engine)
    settings = make_settings(tmp_path).model_copy(update={"demo": True})
    yield make_services(engine, Ledger(engine, read_utc, make_id), assistant, settings)
    engine.dispose()


def test_ask_be_answered_ask_for_a_person_be_answered_by_them_and_rate(
    browser: Browser, services: Services, assistant: FakeAssistant
) -> None:
    mia = add_staff(services.engine)
    be_seen(services.engine, mia, read_utc())
    with (
        serve(create_app(services.settings, services)) as port,
        browser.new_context(**DESKTOP, reduced_motion="reduce") as context,
    ):
        context.set_default_timeout(30_000)
        page = context.new_page()
        page.goto(f"http://127.0.0.1:{port}/demo/shop")
        customer = Customer(page, f"http://127.0.0.1:{port}").open()
        customer.ask("When does my money come back?")
        expect(customer.panel.locator(".answer")).to_contain_text("5 to 10 days")
        customer.press("Yes, this helped")
        expect(customer.panel.get_by_text("Thank you for telling us.").first).to_be_visible()
        passing_on = "I am passing you on."
        assistant.reply_with = make_reply(passing_on, Outcome.HANDED_OFF, Reason.ASKED_FOR_PERSON)
        customer.press("Talk to a person")
        expect(customer.panel.locator(".banner")).to_contain_text("A person will answer you here.")
        assert assistant.wishes[-1] == "person"
        (waiting,) = services.handoffs.queue()
        services.handoffs.take(waiting.id, mia)
        services.handoffs.send(waiting.id, mia, "Hello, Mia here.", "m-1")
        expect(customer.panel.locator(".from-person")).to_contain_text("Hello, Mia here.")
        customer.ask("Thank you!")
        expect(customer.panel.locator(".mine")).to_have_count(3)
        page.reload()
        expect(customer.panel.locator(".mine")).to_have_count(3)
        expect(customer.panel.locator(".reply")).to_have_count(2)
        expect(customer.panel.locator(".banner")).to_contain_text("Mia is answering you.")
        services.handoffs.give_back(waiting.id, mia)
        expect(customer.panel.locator(".banner")).to_be_hidden()
        turn = services.ledger.turn(waiting.conversation_id, assistant.asked[0])
        assert turn.rating
        assert turn.rating.helpful


@pytest.mark.parametrize(
    ("allowed", "said"), [(False, "frontdesk site origins"), (True, "There is no such site")]
)
def test_the_owner_reads_in_the_console_what_is_wrong_with_the_line_on_the_page(
    browser: Browser, services: Services, *, allowed: bool, said: str
) -> None:
    with serve(create_app(services.settings, services)) as port:
        script = f'<script src="http://127.0.0.1:{port}/widget.js" data-key="fd_mistyped"></script>'
        website = FastAPI()
        website.get("/", response_class=HTMLResponse)(lambda: f"<p>Hello</p>{script}")
        with serve(website) as elsewhere, browser.new_context() as context:
            origin = f"http://localhost:{elsewhere}"
            services.sites.add("Shop", [origin if allowed else "https://other.example"])
            page = context.new_page()
            with page.expect_console_message(lambda it: "Frontdesk:" in it.text) as warning:
                page.goto(origin)
    assert said in warning.value.text
