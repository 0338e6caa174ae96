"""A person takes over, in front of the customer's eyes."""

from playwright.sync_api import expect

from tests.clients.conftest import Arrive
from tests.clients.servers import FakeFrontdesk


def test_a_person_joins_writes_and_gives_the_conversation_back(
    arrive: Arrive, fake: FakeFrontdesk
) -> None:
    customer = arrive().visit().open()
    customer.press("Talk to a person")
    banner = customer.panel.locator(".banner")
    expect(banner).to_contain_text("A person will answer you here.")
    fake.talk.take("Mia")
    expect(banner).to_have_text("MMia is answering you.")
    fake.talk.happen("typing", who="person", name="Mia")
    expect(customer.panel.get_by_text("Mia is writing")).to_be_visible()
    fake.talk.write("Hello!\nSee https://larkstay.example/pets")
    said = customer.panel.locator(".from-person .bubble")
    expect(said).to_have_text("Hello!\nSee https://larkstay.example/pets")
    expect(said.get_by_role("link")).to_have_count(1)
    expect(customer.panel.get_by_text("Mia is writing")).to_be_hidden()
    expect(customer.panel.get_by_role("status")).to_contain_text("Mia: Hello!")
    customer.composer.press_sequentially("Thank you")
    customer.composer.press("Enter")
    expect(customer.panel.locator(".mine").last).to_have_text("Thank you")
    expect(customer.panel.locator(".reply")).to_have_count(1)  # the bot said nothing more
    assert fake.talk.typed == 1
    customer.page.reload()
    expect(said).to_be_visible()
    expect(banner).to_contain_text("Mia is answering you.")
    expect(customer.panel.get_by_text("Mia has joined.")).to_have_count(1)
    fake.talk.give_back()
    expect(banner).to_be_hidden()
    expect(customer.panel.get_by_text("The assistant answers again.").first).to_be_visible()
    assert customer.heard() == ["ready", "open", "returned"]


def test_where_nobody_is_there_an_address_can_be_left(arrive: Arrive, fake: FakeFrontdesk) -> None:
    fake.attended = False
    customer = arrive().visit().open()
    customer.press("Talk to a person")
    banner = customer.panel.locator(".banner")
    expect(banner).to_contain_text("Nobody is here right now.")
    address = banner.get_by_label("E-mail address")
    address.fill("kim@nowhere")
    address.press("Enter")
    expect(banner.get_by_role("alert")).to_have_text("Please check the address.")
    address.fill("kim@mail.example")
    banner.get_by_role("button", name="Save").click()
    expect(banner).to_have_text("Thank you. We will write to you by e-mail.")
    expect(customer.composer).to_be_focused()
    assert fake.talk.emails == ["kim@mail.example"]
    customer.page.reload()
    expect(banner).to_contain_text("We will write to you by e-mail.")


def test_a_closed_chat_counts_what_a_person_wrote_on_any_page(
    arrive: Arrive, fake: FakeFrontdesk
) -> None:
    customer = arrive().visit().open()
    customer.press("Talk to a person")
    expect(customer.panel.locator(".banner")).to_be_visible()
    customer.press("Close chat")
    expect(customer.launcher).to_be_focused()
    fake.talk.take("Mia")
    fake.talk.write("Hello!")
    expect(customer.launcher).to_have_accessible_name("Open chat, 1 unread")
    customer.visit("/other")
    expect(customer.launcher).to_have_accessible_name("Open chat, 1 unread")
    fake.talk.write("Are you there?")
    expect(customer.launcher).to_have_accessible_name("Open chat, 2 unread")
    assert "message" in customer.heard()
    customer.open()
    expect(customer.panel.locator(".from-person")).to_have_count(2)
    customer.press("Close chat")
    expect(customer.launcher).to_have_accessible_name("Open chat")
