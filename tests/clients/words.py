"""What the fake service knows: a few questions about stays at Larkstay, and their replies."""

from typing import Any

Json = dict[str, Any]

LOOK: Json = {
    "title": "Larkstay help",
    "greeting": "Hello! Where are you off to?",
    "accent": "#0b6e5f",
    "accent_dark": "#5fd0bd",
    "position": "right",
    "questions": ["When does my money come back?", "Can I bring my dog?"],
}
REFUNDS: Json = {
    "passage_id": "refunds#1",
    "article_id": "refunds",
    "title": "How long refunds take",
    "heading_path": ["Cards", "Credit cards"],
    "text": (
        "We send a refund on its way within 24 hours.\n\n"
        "- Refunds to **credit cards** arrive in 5 to 10 working days.\n"
        "- Refunds to bank accounts arrive in 3 days. See [how to cancel](cancel.md), "
        "[our site](https://larkstay.example/refunds) and [another](https://elsewhere.example/).\n\n"
        "| Card | Days |\n| --- | --- |\n| Credit | 5 to 10 |\n| Debit | 3 to 5 |\n\n"
        "![a card](https://elsewhere.example/card.png) <img src=x onerror=alert(1)>"
    ),
}
STATUS: Json = {
    "passage_id": "status#0",
    "article_id": "status",
    "title": "See where a refund is",
    "heading_path": [],
    "text": "Open **Trips** and choose the booking. The status of the refund is shown there.",
}
PETS: Json = {
    "passage_id": "pets#0",
    "article_id": "pets",
    "title": "Pets at a home",
    "heading_path": ["Before you book"],
    "text": "Ask the host before you book.",
}


def make_reply(outcome: str, reason: str, text: str, **more: object) -> Json:
    reply = {"outcome": outcome, "reason": reason, "confidence": 0.9, "text": text}
    return {**reply, "sentences": [], "sources": [], **more}


def answer(question: str, handoff: Json | None, wish: str | None) -> Json:
    if handoff:
        return make_reply("handed_off", "with_person", "")
    if wish == "person":
        return make_reply("handed_off", "asked_for_person", "I am passing you on to a person.")
    if "dog" in question:
        text = "I could not find that in our articles."
        return make_reply("abstained", "no_evidence", text, sources=[PETS])
    if "it" in question.split():
        return make_reply("clarified", "vague", "Which booking do you mean?")
    return _answer_refunds()


def _answer_refunds() -> Json:
    sentences: list[Json] = [
        {
            "text": "Refunds to credit cards arrive in 5 to 10 working days.",
            "citations": ["refunds#1"],
        },
        {"text": "You can see the status under **Trips**. <b>&amp;</b>", "citations": ["status#0"]},
        {
            "text": "More: https://larkstay.example/refunds or https://elsewhere.example/x.",
            "citations": [],
        },
    ]
    text = " ".join(sentence["text"] for sentence in sentences)
    return make_reply("answered", "supported", text, sentences=sentences, sources=[REFUNDS, STATUS])
