"""A customer asks, reads and rates, in a real browser, on a page with a strict policy."""

from playwright.sync_api import expect

from tests.clients.conftest import Arrive
from tests.clients.servers import FakeFrontdesk

QUESTION = "When does my money come back?"


def test_calls_made_before_it_loads_are_kept_and_the_page_hears_what_happens(
    arrive: Arrive, fake: FakeFrontdesk
) -> None:
    customer = arrive()
    customer.page.goto(f"{customer.address}/?data-key=fd_test&early=open")
    expect(customer.panel).to_be_visible()
    expect(customer.composer).to_be_focused()
    customer.evaluate("Frontdesk.toggle()")
    expect(customer.panel).to_be_hidden()
    customer.evaluate("Frontdesk.push(['open'])")
    customer.panel.get_by_role("button", name=QUESTION).click()
    expect(customer.panel.locator(".answer")).to_contain_text("5 to 10 working days")
    expect(customer.composer).to_be_focused()
    assert customer.heard()[:5] == ["ready", "open", "close", "open", "asked"]
    customer.page.wait_for_function("heard.some(([event]) => event === 'replied')")
    (started,) = fake.started
    assert started["key"] == "fd_test"
    assert started["locale"] == "en"
    assert started["visitor"]
    assert fake.posts[0]["text"] == QUESTION


def test_sources_come_first_then_sentences_as_they_are_verified(
    arrive: Arrive, fake: FakeFrontdesk
) -> None:
    fake.gate.clear()
    customer = arrive().visit().open()
    customer.ask(QUESTION)
    sentences = customer.panel.locator(".sentence")
    expect(sentences).to_have_count(1)
    expect(customer.panel.get_by_role("status")).to_be_empty()
    expect(customer.panel.get_by_role("button", name="Stop")).to_be_visible()
    customer.ask("And to a bank account?")
    expect(customer.panel.get_by_text("Comes next")).to_be_visible()
    assert len(fake.posts) == 1
    fake.gate.set()
    expect(sentences).to_have_count(6)
    expect(customer.panel.get_by_role("status")).to_contain_text("Reply: Refunds to credit cards")
    assert len(fake.posts) == 2


def test_words_are_shown_as_text_and_only_allowed_hosts_are_linked(arrive: Arrive) -> None:
    customer = arrive().visit().open()
    customer.ask("<img src=x> https://larkstay.example/me")
    expect(customer.panel.locator(".mine")).to_have_text("<img src=x> https://larkstay.example/me")
    answer = customer.panel.locator(".answer")
    expect(answer).to_contain_text("<b>&</b>")
    expect(answer.locator("strong")).to_have_text("Trips")
    link = answer.get_by_role("link")
    expect(link).to_have_attribute("href", "https://larkstay.example/refunds")
    expect(link).to_have_attribute("rel", "noopener noreferrer")
    expect(answer).to_contain_text("https://elsewhere.example/x.")


def test_a_citation_opens_its_passage_with_the_sentence_marked(arrive: Arrive) -> None:
    customer = arrive().visit().open()
    customer.ask(QUESTION)
    cite = customer.panel.get_by_role("button", name="Source 1: How long refunds take").first
    cite.press("Enter")
    passage = customer.panel.get_by_label("Passage")
    expect(passage).to_contain_text("Cards › Credit cards")
    marked = "".join(passage.locator("mark").all_text_contents())
    assert marked == "Refunds to credit cards arrive in 5 to 10 working days."
    expect(passage.get_by_role("link")).to_have_count(1)
    expect(passage.get_by_role("cell", name="5 to 10")).to_be_visible()
    expect(passage).to_contain_text("a card <img src=x onerror=alert(1)>")
    assert passage.locator("img").count() == 0
    expect(passage.get_by_role("button", name="Back to the conversation")).to_be_focused()
    customer.page.keyboard.press("Escape")
    expect(passage).to_be_hidden()
    expect(cite).to_be_focused()


def test_what_the_articles_do_not_say_comes_with_the_nearest_and_a_person(
    arrive: Arrive, fake: FakeFrontdesk
) -> None:
    customer = arrive().visit().open()
    customer.ask("Can I bring my dog?")
    customer.press("The nearest article Pets at a home")
    expect(customer.panel.get_by_label("Passage")).to_contain_text("Ask the host")
    customer.press("Back to the conversation")
    customer.panel.locator(".way-out").get_by_role("button", name="Talk to a person").click()
    expect(customer.panel.locator(".banner")).to_contain_text("A person will answer you here.")
    assert fake.posts[1]["wish"] == "person"
    expect(customer.composer).to_be_focused()
    customer.ask("Is it open?")
    expect(customer.panel.locator(".mine")).to_have_count(3)


def test_a_question_back_is_shown_and_thumbs_take_a_reason(
    arrive: Arrive, fake: FakeFrontdesk
) -> None:
    customer = arrive().visit().open()
    customer.ask("Is it open?")
    expect(customer.panel.locator(".answer")).to_have_text("Which booking do you mean?")
    customer.press("No, this did not help")
    customer.panel.get_by_label("Hard to understand").check()
    customer.panel.get_by_label("Anything else?").fill("Which one?")
    customer.press("Send feedback")
    expect(customer.panel.get_by_text("Thank you for telling us.").first).to_be_visible()
    kept = fake.ratings[-1]
    assert (kept["helpful"], kept["comment"]) == (False, "Hard to understand: Which one?")
    customer.page.reload()
    thumb = customer.panel.get_by_role("button", name="No, this did not help")
    expect(thumb).to_have_attribute("aria-pressed", "true")
    customer.press("Yes, this helped")
    expect(thumb).to_have_attribute("aria-pressed", "false")


def test_a_reply_can_be_stopped_gone_on_with_and_cleared(
    arrive: Arrive, fake: FakeFrontdesk
) -> None:
    fake.gate.clear()
    customer = arrive().visit().open()
    customer.ask(QUESTION)
    expect(customer.panel.locator(".sentence")).to_have_count(1)
    customer.press("Stop")
    expect(customer.panel.get_by_text("Stopped.")).to_be_visible()
    customer.page.reload()
    expect(customer.panel.get_by_text("Stopped.")).to_be_visible()
    fake.gate.set()
    customer.press("Go on")
    expect(customer.panel.locator(".sentence")).to_have_count(3)
    assert len(fake.posts) == 1
    customer.press("Start over")
    customer.panel.get_by_role("group", name="Start over").get_by_role(
        "button", name="Start over"
    ).click()
    expect(customer.panel.locator(".greeting")).to_be_visible()
    customer.ask(QUESTION)
    expect(customer.panel.locator(".sentence")).to_have_count(3)
    assert list(fake.talks) == ["c1", "c2"]


def test_who_a_customer_is_comes_from_the_site_and_goes_at_logout(
    arrive: Arrive, fake: FakeFrontdesk
) -> None:
    kim, lou = "h.eyJzdWIiOiJraW0ifQ.s", "h.eyJzdWIiOiJsb3UifQ.s"
    fake.refused_users.add(lou)
    customer = arrive().visit().open()
    customer.ask(QUESTION)
    expect(customer.panel.locator(".sentence")).to_have_count(3)
    customer.evaluate(f"Frontdesk.setUser('{kim}')")
    customer.ask(QUESTION)
    expect(customer.panel.locator(".sentence")).to_have_count(6)
    assert fake.tied == [kim]
    customer.press("Start over")
    customer.panel.locator(".asking .strong").click()
    customer.ask(QUESTION)
    expect(customer.panel.locator(".sentence")).to_have_count(3)
    assert fake.started[1]["user_token"] == kim
    customer.evaluate(f"Frontdesk.setUser('{lou}')")
    expect(customer.panel.locator(".sentence")).to_have_count(0)
    customer.ask(QUESTION)
    expect(customer.panel.locator(".sentence")).to_have_count(3)
    assert "user_token" not in fake.started[2]
    assert "user_refused" in customer.heard()
    customer.evaluate("Frontdesk.reset()")
    expect(customer.panel.locator(".greeting")).to_be_visible()
    kept = customer.page.evaluate("Object.keys(localStorage).map((name) => name.split(':').pop())")
    assert not {"conversation", "visitor", "unsent", "notes"} & set(kept)


def test_the_pages_styles_stay_out_and_the_sites_colours_come_in(arrive: Arrive) -> None:
    customer = arrive().visit().open()
    assert customer.evaluate("getComputedStyle(document.body).fontFamily") == "Georgia, serif"
    read = "(element, name) => getComputedStyle(element)[name]"
    send = customer.panel.locator(".composer")
    assert send.evaluate(read, "letterSpacing") == "normal"
    assert customer.composer.evaluate(read, "fontSize") == "16px"
    assert customer.launcher.evaluate(read, "backgroundColor") == "rgb(11, 110, 95)"
    assert customer.launcher.evaluate(read, "color") == "rgb(255, 255, 255)"
    customer.evaluate("document.documentElement.style.setProperty('--frontdesk-accent', '#ffd500')")
    expect(customer.launcher).to_have_css("background-color", "rgb(255, 213, 0)")
    expect(customer.launcher).to_have_css("color", "rgb(11, 13, 18)")
