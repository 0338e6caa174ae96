"""A small suite of our own, and dependencies to evaluate with."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from agent.decision.calibration import Calibration
from agent.decision.decider import Decider
from agent.ports import Deps
from agent.verification.verifier import Verifier
from evals.suites import Suite, read_suite
from knowledge_base.embedding import ThreadedEncoder
from knowledge_base.search import KnowledgeBase
from tests.agent.scenes import English, make_screener
from tests.fakes.chat_model import FakeChatModel
from tests.fakes.clock import FakeClock
from tests.knowledge_base.fake_embedder import FakeEmbedder

ARTICLES = [
    {
        "id": "refund-times",
        "title": "How long refunds take",
        "text": "A refund to a credit card arrives 5 to 7 business days after we send it.",
    },
    {
        "id": "parking",
        "title": "Parking",
        "text": "Guests may park one car in front of the home.",
    },
    {
        "id": "pool",
        "title": "Pool",
        "text": "The pool opens at nine in the morning and closes at eight.",
        "audience": "public",
    },
]
CASES: list[dict[str, Any]] = [
    {
        "id": "refund",
        "history": [],
        "question": "When does a refund arrive on a credit card?",
        "expect": "answer",
        "relevant": ["refund-times"],
        "reference": "It arrives 5 to 7 business days after it was sent.",
        "label": "read by nobody",
    },
    {
        "id": "parking",
        "history": [
            {"role": "customer", "text": "Is there a pool?"},
            {"role": "agent", "text": "The pool opens at nine in the morning."},
        ],
        "question": "How many cars may guests park in front of the home?",
        "expect": "answer",
        "relevant": ["parking"],
        "reference": "One car.",
    },
    {
        "id": "horse",
        "history": [],
        "question": "Which airlines serve vegetarian breakfast between Lisbon and Oslo?",
        "expect": "abstain",
        "relevant": [],
        "reference": "I don't know.",
    },
]


def write_suite(
    folder: Path,
    cases: Sequence[Mapping[str, object]] = CASES,
    articles: Sequence[Mapping[str, object]] = ARTICLES,
) -> Path:
    """Write a suite's two files."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in (("articles.jsonl", articles), ("cases.jsonl", cases)):
        (folder / name).write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


@pytest.fixture
def suite(tmp_path: Path) -> Suite:
    return read_suite(write_suite(tmp_path / "tiny"))


def make_deps(knowledge_base: KnowledgeBase, model: FakeChatModel) -> Deps:
    """Return dependencies with a fake model and fake vectors; all else is real."""
    return Deps(
        model=model,
        search=knowledge_base,
        encoder=ThreadedEncoder(FakeEmbedder(dimensions=384)),
        decider=Decider.load(),
        screener=make_screener(),
        verifier=Verifier(["Larkstay"]),
        languages=English(),
        calibration=Calibration({}),
        clock=FakeClock(),
        company="Larkstay",
    )
