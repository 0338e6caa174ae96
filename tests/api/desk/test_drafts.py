from dataclasses import replace
from datetime import UTC, datetime

import pytest

from agent.state import Source
from api.desk.changes import find_changes
from api.desk.drafts import make_id, write_draft
from api.desk.markdown import render_markdown
from api.desk.masking import find_personal, mask
from api.storage.article_use import CitingTurn, Version
from api.storage.questions import PersonWords
from knowledge_base.articles import Passage

MOMENT = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)


def say(text: str, *names: str) -> PersonWords:
    return PersonWords("c1", "Is there a cot?", text, MOMENT, "Mia Berg", names)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Write to anna.lund+x@mail.example.org.", ["anna.lund+x@mail.example.org"]),
        ("Call +49 (0)30 1234-567 or 030/1234567!", ["+49 (0)30 1234-567", "030/1234567"]),
        ("(020) 7946 0958", ["(020) 7946 0958"]),
        ("Between 2026-11-20 and 1.12.2026 it costs 1,250.00 euros for 14 days.", []),
        ("Booking LK-20261124 and article 12345.", []),
        ("https://larkstay.example/help/123456789", []),
    ],
)
def test_addresses_and_numbers_of_people_are_seen(text: str, found: list[str]) -> None:
    assert find_personal(text) == found


def test_what_is_personal_is_masked() -> None:
    text = "Anna Lund, we wrote to ANNA@example.org; call 030 1234567 before 2026-11-20, Anna."
    assert mask(text, ["Anna Lund", "Bo"]) == (
        "[name], we wrote to [e-mail address]; call [phone number] before 2026-11-20, [name]."
    )


def test_a_draft_is_made_of_what_persons_wrote() -> None:
    words = [
        say("Hi Anna,\n\nevery home lends a cot.\nAsk Anna's host.\n\nBest wishes,\nMia", "Anna"),
        say("It is free. Write to me: mia@larkstay.example"),
        say("It is free. Write to me: mia@larkstay.example"),
    ]
    draft = write_draft("Hello! we come with a baby. is there a cot?", words)
    assert (draft.id, draft.title, draft.audience) == ("", "Is there a cot?", "public")
    assert draft.text == (
        "every home lends a cot.\nAsk [name]'s host.\n\nIt is free. Write to me: [e-mail address]"
    )
    assert len(write_draft("word " * 50, []).title) <= 81


def test_an_id_is_one_that_nobody_has() -> None:
    assert make_id("Is there a cot?", []) == "desk/is-there-a-cot"
    taken = ["desk/is-there-a-cot", "desk/is-there-a-cot-2"]
    assert make_id("Is there a cot?", taken) == "desk/is-there-a-cot-3"
    assert make_id("ここ", []) == "desk/article"


def test_markdown_is_shown_without_doing_harm() -> None:
    html = render_markdown(
        "# Cots\n\n<script>x</script> ![a](https://evil.example/x.png) [b](javascript:x) "
        "[c](https://larkstay.example)\n\n| a |\n| - |\n| 1 |"
    )
    assert "<h1>Cots</h1>" in html
    assert "<table>" in html
    assert "&lt;script&gt;" in html
    assert "<img" not in html
    assert 'href="javascript' not in html
    assert '<a href="https://larkstay.example"' in html


def make_version(number: int, text: str, day: int) -> Version:
    moment = MOMENT.replace(day=day)
    return Version("refunds", number, "Refunds", text, "public", moment, None)


def test_a_passage_that_reads_otherwise_now_is_told_apart() -> None:
    old = Source(
        passage_id="refunds#0",
        article_id="refunds",
        title="Refunds",
        heading_path=[],
        text="Refunds take ten days.",
    )
    kept = old.model_copy(update={"text": "Gift cards   are refunded as credit."})
    turn = CitingTurn("t1", "c1", "when?", MOMENT, (old, kept))
    now = [
        Passage("refunds#0", "refunds", "Refunds", (), "Gift cards are refunded as credit."),
        Passage("refunds#1", "refunds", "Refunds", (), "Refunds take five days."),
    ]
    text = "\n\n".join(passage.text for passage in now)
    versions = [make_version(2, text, 21), make_version(1, "Refunds take ten days.", 1)]
    again = replace(turn, turn_id="t2")
    (change,) = find_changes([turn, again], versions, now)
    assert change.turns == (turn, again)
    assert (change.version, change.source, change.now) == (1, old, now[1])
    assert [(piece.kind, piece.text) for piece in change.pieces] == [
        ("same", "Refunds take"),
        ("gone", "ten"),
        ("new", "five"),
        ("same", "days."),
    ]
    withdrawn = find_changes([turn], versions[1:], [])
    assert [(c.now, c.version) for c in withdrawn] == [(None, 1), (None, 1)]
