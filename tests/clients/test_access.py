"""For everybody: screen readers, keyboards, phones, four languages, light and dark."""

import pytest
from playwright.sync_api import expect

from tests.clients.conftest import Arrive, Customer
from tests.clients.servers import FakeFrontdesk

QUESTION = "When does my money come back?"
FOCUSED = "document.querySelector('frontdesk-chat').shadowRoot.activeElement?.{}"


def expect_no_barriers(customer: Customer, axe: str) -> None:
    # The page's own policy would keep axe out; it is a guest of the test, not of the page.
    customer.page.evaluate(f"() => {{ {axe} }}")
    found = customer.page.evaluate("axe.run('frontdesk-chat', {resultTypes: ['violations']})")
    serious = [
        (violation["id"], [node["html"] for node in violation["nodes"]])
        for violation in found["violations"]
        if violation["impact"] in {"serious", "critical"}
    ]
    assert serious == []


@pytest.mark.parametrize(
    ("phone", "scheme", "locale"),
    [(False, "light", "en"), (True, "dark", "ar"), (False, "dark", "de")],
)
def test_axe_finds_nothing_serious_anywhere(  # noqa: PLR0913 - fixtures
    arrive: Arrive, fake: FakeFrontdesk, axe: str, *, phone: bool, scheme: str, locale: str
) -> None:
    customer = arrive(phone=phone, color_scheme=scheme)
    customer.visit(locale=locale).open()
    expect_no_barriers(customer, axe)
    fake.gate.clear()
    customer.ask(QUESTION)
    customer.panel.locator(".sentence").wait_for()
    expect_no_barriers(customer, axe)
    fake.gate.set()
    customer.panel.locator(".sources").wait_for()
    customer.panel.locator(".thumbs button").nth(1).click()
    customer.panel.locator(".reasons").wait_for()
    expect_no_barriers(customer, axe)
    customer.panel.locator(".cite").first.click()
    customer.panel.locator("mark").first.wait_for()
    expect_no_barriers(customer, axe)
    customer.page.keyboard.press("Escape")
    fake.attended = False
    customer.ask("Can I bring my dog?")
    customer.panel.locator(".way-out .strong").click()
    customer.panel.locator(".email").wait_for()
    expect_no_barriers(customer, axe)
    fake.talk.take("Mia")
    fake.talk.write("Hello!")
    customer.panel.locator(".from-person").wait_for()
    customer.panel.locator(".tool-restart").click()
    fake.problem = (429, 60)
    customer.ask("Hello?")
    customer.panel.locator(".trouble").wait_for()
    expect_no_barriers(customer, axe)


def test_all_of_it_works_by_keyboard_beside_the_page(arrive: Arrive) -> None:
    customer = arrive().visit()
    customer.launcher.focus()
    keyboard = customer.page.keyboard
    keyboard.press("Enter")
    expect(customer.composer).to_be_focused()
    keyboard.type("Can I bring\n my dog?".replace("\n", ""))
    keyboard.press("Shift+Enter")
    keyboard.type("It is small.")
    keyboard.press("Enter")
    expect(customer.panel.locator(".mine")).to_have_text("Can I bring my dog?\nIt is small.")
    expect(customer.panel.locator(".way-out")).to_be_visible()
    for _ in range(3):  # no, yes, talk to a person
        keyboard.press("Shift+Tab")
    assert customer.evaluate(FOCUSED.format("textContent")) == "Talk to a person"
    keyboard.press("Escape")
    expect(customer.panel).to_be_hidden()
    expect(customer.launcher).to_be_focused()
    keyboard.press("Enter")
    expect(customer.composer).to_be_focused()


def test_on_a_phone_the_keyboard_stays_inside_and_comes_back(arrive: Arrive) -> None:
    customer = arrive(phone=True).visit().open()
    assert customer.panel.evaluate("(panel) => panel.matches(':modal')")
    assert customer.page.evaluate("document.documentElement.scrollWidth") <= 390
    box = customer.panel.bounding_box()
    assert box
    assert (box["x"], box["y"], box["width"], box["height"]) == (0, 0, 390, 760)
    for _ in range(12):
        customer.page.keyboard.press("Tab")
        assert customer.evaluate("document.activeElement.localName") in {"frontdesk-chat", "body"}
    customer.press("Close chat")
    expect(customer.panel).to_be_hidden()
    expect(customer.launcher).to_be_focused()
    customer.open()
    customer.page.reload()  # a page that was asked for is not hidden behind the chat
    expect(customer.launcher).to_be_visible()
    assert customer.panel.count() == 0


def test_languages_change_and_arabic_runs_from_right_to_left(
    arrive: Arrive, fake: FakeFrontdesk
) -> None:
    fake.look = {"accent": "not a colour; }", "position": "left"}
    customer = arrive().visit(locale="de-AT")
    expect(customer.launcher).to_have_accessible_name("Chat öffnen")
    customer.open()
    expect(customer.composer).to_have_attribute("placeholder", "Nachricht schreiben")
    box = customer.launcher.bounding_box()
    assert box
    assert box["x"] < 100
    customer.evaluate("Frontdesk.setLocale('ar')")
    expect(customer.panel).to_have_attribute("dir", "rtl")
    expect(customer.panel).to_have_attribute("lang", "ar")
    customer.ask(QUESTION)
    mine = customer.panel.locator(".mine").bounding_box()
    send = customer.panel.locator(".send").bounding_box()
    panel = customer.panel.bounding_box()
    assert mine
    assert send
    assert panel
    assert mine["x"] - panel["x"] < 30
    assert send["x"] - panel["x"] < 60
    assert fake.started[0]["locale"] == "ar"
    customer.page.reload()
    expect(customer.panel).to_have_attribute("lang", "ar")
    customer.evaluate("Frontdesk.setLocale('es')")
    expect(customer.composer).to_have_attribute("placeholder", "Escribe un mensaje")


def test_dark_and_light_follow_the_script_the_page_or_the_reader(arrive: Arrive) -> None:
    light, dark = "rgb(255, 255, 255)", "rgb(20, 23, 28)"
    customer = arrive(color_scheme="dark").visit().open()
    expect(customer.panel).to_have_css("background-color", dark)
    customer.evaluate("document.documentElement.dataset.theme = 'light'")
    expect(customer.panel).to_have_css("background-color", light)
    customer.page.emulate_media(color_scheme="light")
    customer.evaluate("delete document.documentElement.dataset.theme")
    expect(customer.panel).to_have_css("background-color", light)
    customer.visit(theme="dark")
    expect(customer.panel).to_have_css("background-color", dark)
