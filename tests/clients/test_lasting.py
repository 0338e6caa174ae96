"""Pages change, networks fail, services restart: nothing that was said is lost."""

from playwright.sync_api import expect

from tests.clients.conftest import Arrive, offline
from tests.clients.servers import FakeFrontdesk

QUESTION = "When does my money come back?"


def test_a_reply_goes_on_after_a_change_of_page(arrive: Arrive, fake: FakeFrontdesk) -> None:
    fake.gate.clear()
    customer = arrive().visit().open()
    customer.ask(QUESTION)
    expect(customer.panel.locator(".sentence")).to_have_count(1)
    customer.composer.fill("And then")
    customer.page.get_by_role("link", name="Another page").click()
    customer.page.wait_for_url("**/other?*")
    expect(customer.panel.locator(".mine")).to_have_text(QUESTION)
    expect(customer.panel.locator(".sentence")).to_have_count(1)
    expect(customer.composer).to_have_value("And then")
    expect(customer.composer).not_to_be_focused()
    fake.gate.set()
    expect(customer.panel.locator(".sentence")).to_have_count(3)
    assert len(fake.posts) == 1
    customer.press("Close chat")
    customer.page.reload()
    expect(customer.launcher).to_be_visible()
    assert customer.panel.count() == 0


def test_a_page_that_replaces_its_body_keeps_the_conversation(
    arrive: Arrive, fake: FakeFrontdesk
) -> None:
    fake.gate.clear()
    customer = arrive().visit().open()
    customer.ask(QUESTION)
    expect(customer.panel.locator(".sentence")).to_have_count(1)
    customer.evaluate(
        """history.pushState({}, '', '/booking');
        document.body = document.createElement('body');
        document.body.textContent = 'A booking';"""
    )
    expect(customer.panel).to_be_visible()
    fake.gate.set()
    expect(customer.panel.locator(".sentence")).to_have_count(3)
    customer.evaluate("document.body.replaceChildren()")
    expect(customer.panel.locator(".sentence")).to_have_count(3)


def test_what_is_written_offline_is_kept_over_a_reload_and_sent_once(
    arrive: Arrive, fake: FakeFrontdesk
) -> None:
    customer = arrive().visit().open()
    customer.ask(QUESTION)
    expect(customer.panel.locator(".sentence")).to_have_count(3)
    with offline(customer):
        customer.ask("And the fees?")
        expect(customer.panel.locator(".trouble")).to_contain_text("You are offline.")
        expect(customer.panel.get_by_text("Waiting to be sent")).to_be_visible()
    expect(customer.panel.locator(".sentence")).to_have_count(6)
    expect(customer.panel.locator(".trouble")).to_be_hidden()
    assert [post["text"] for post in fake.posts] == [QUESTION, "And the fees?"]


def test_a_message_that_found_no_service_is_sent_by_the_next_page(
    arrive: Arrive, fake: FakeFrontdesk
) -> None:
    fake.problem = (503, 1)
    customer = arrive().visit().open()
    customer.ask(QUESTION)
    expect(customer.panel.locator(".trouble")).to_contain_text("The service is busy.")
    customer.page.reload()
    expect(customer.panel.locator(".mine")).to_have_text(QUESTION)
    fake.problem = None
    expect(customer.panel.locator(".sentence")).to_have_count(3)
    assert len({post["message_id"] for post in fake.posts}) == 1
    assert len(fake.talk.turns) == 1


def test_a_connection_that_is_cut_is_taken_up_again(arrive: Arrive, fake: FakeFrontdesk) -> None:
    fake.cut = True
    customer = arrive().visit().open()
    customer.ask(QUESTION)
    expect(customer.panel.locator(".trouble")).to_contain_text("No connection to the service.")
    expect(customer.panel.locator(".sentence")).to_have_count(1)
    fake.cut = False
    customer.press("Try now")
    expect(customer.panel.locator(".sentence")).to_have_count(3)
    expect(customer.panel.locator(".trouble")).to_be_hidden()
    assert len(fake.posts) == 1


def test_a_reply_that_failed_can_be_tried_again(arrive: Arrive, fake: FakeFrontdesk) -> None:
    fake.failing = True
    customer = arrive().visit().open()
    customer.ask(QUESTION)
    expect(customer.panel.locator(".broken")).to_contain_text("That did not work.")
    fake.failing = False
    customer.press("Try again")
    expect(customer.panel.locator(".sentence")).to_have_count(3)
    expect(customer.composer).to_be_focused()
    assert len(fake.posts) == 1


def test_a_slow_reply_is_said_to_be_on_its_way(arrive: Arrive, fake: FakeFrontdesk) -> None:
    fake.gate.clear()
    customer = arrive()
    customer.page.clock.install()
    customer.visit().open()
    customer.ask(QUESTION)
    expect(customer.panel.locator(".sentence")).to_have_count(1)
    customer.page.clock.run_for(10_000)
    expect(customer.panel.get_by_text("Still working on it")).to_be_visible()
    fake.gate.set()
    expect(customer.panel.locator(".sentence")).to_have_count(3)


def test_too_much_at_once_says_for_how_long(arrive: Arrive, fake: FakeFrontdesk) -> None:
    fake.problem = (429, 40)
    customer = arrive().visit().open()
    customer.ask(QUESTION)
    expect(customer.panel.locator(".trouble")).to_contain_text("It goes on in 40 s.")
    expect(customer.panel.locator(".trouble")).to_contain_text("It goes on in 39 s.")
    assert len(fake.posts) == 1


def test_a_message_that_cannot_be_taken_is_given_back(arrive: Arrive, fake: FakeFrontdesk) -> None:
    fake.problem = (422, None)
    customer = arrive().visit().open()
    customer.ask(QUESTION)
    expect(customer.panel.locator(".reply")).to_contain_text("This message cannot be taken.")
    expect(customer.composer).to_have_value(QUESTION)
    customer.page.reload()
    expect(customer.composer).to_have_value(QUESTION)
    assert len(fake.posts) == 1


def test_a_conversation_that_is_gone_begins_anew_and_says_so(
    arrive: Arrive, fake: FakeFrontdesk
) -> None:
    customer = arrive().visit().open()
    customer.ask(QUESTION)
    expect(customer.panel.locator(".sentence")).to_have_count(3)
    del fake.talks["c1"]
    customer.ask("And the fees?")
    expect(customer.panel.get_by_text("This is a new one.").first).to_be_visible()
    expect(customer.panel.locator(".mine")).to_have_text("And the fees?")
    expect(customer.panel.locator(".sentence")).to_have_count(3)
    assert "renewed" in customer.heard()


def test_two_tabs_share_a_conversation(arrive: Arrive, fake: FakeFrontdesk) -> None:
    first = arrive().visit().open()
    first.ask(QUESTION)
    expect(first.panel.locator(".sentence")).to_have_count(3)
    page = first.page.context.new_page()
    second = type(first)(page, first.address).visit()
    expect(second.panel.locator(".sentence")).to_have_count(3)
    second.ask("And the fees?")
    expect(second.panel.locator(".sentence")).to_have_count(6)
    first.page.bring_to_front()
    expect(first.panel.locator(".sentence")).to_have_count(6)
    assert len(fake.talk.turns) == 2
