"""The demo company's history, and a classifier learned from it with encoders of hashed words."""

import csv
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from agent.screening.screener import Screener
from agent.triage.artefacts import Artefact, Shelf
from agent.triage.cascade import Cascade, Chooser, Parts
from agent.triage.classifier import Classifier, Encoders
from agent.triage.hearing import Teacher
from agent.triage.sentiment import Sentiments
from agent.triage.tickets import Labelled, Ticket
from agent.triage.training import History, train
from api.tickets.triager import Workshop
from tests.agent.scenes import English
from tests.knowledge_base.fake_embedder import FakeEmbedder

TICKETS = Path(__file__).parents[3] / "evals" / "demo" / "tickets"
DIMENSIONS = 384  # as the real embedder has, so that the trained screener accepts its vectors
SEED = 1


def read_history() -> list[Labelled]:
    with (TICKETS / "history.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return [
        Labelled(row["text"], {name: row[name] for name in ("category", "priority", "team")})
        for row in rows
    ]


@cache
def make_encoders() -> Encoders:
    return Encoders(FakeEmbedder("quick", DIMENSIONS), FakeEmbedder("thorough", 512))


@cache
def make_teacher() -> Teacher:
    return Teacher(Screener.load(), Sentiments.learn(make_encoders().quick), English())


def learn(history: History) -> tuple[Classifier, dict[str, Any]]:
    return train(history, make_encoders(), make_teacher(), seed=SEED)


@cache
def learn_demo() -> tuple[Classifier, dict[str, Any]]:
    return learn(History(read_history(), ("category", "priority"), {}))


def open_cascade(
    classifier: Classifier, *, chooser: Chooser | None = None, threshold: float | None = None
) -> Cascade:
    return Cascade(Parts(classifier, make_encoders(), make_teacher(), chooser, threshold))


def make_tickets(*texts: str) -> list[Ticket]:
    return [Ticket(row, f"T{row}", text) for row, text in enumerate(texts, 1)]


def open_workshop(artefact: Artefact, chooser: Chooser | None = None) -> Workshop:
    def put_together(threshold: float | None = None, *, asking: bool = False) -> Cascade:
        told = chooser if asking else None
        return open_cascade(artefact.classifier, chooser=told, threshold=threshold)

    return put_together


def train_into(folder: Path) -> str:
    """Put the demo's classifier on a data folder's shelf, and return its version."""
    classifier, report = learn_demo()
    card = {"report": report}
    return (
        Shelf(folder / "triage").save(classifier, card, datetime(2026, 11, 24, tzinfo=UTC)).version
    )
