from pathlib import Path

import numpy as np
import pytest

from agent.screening.screener import NONE, REASONS, Screener
from agent.state import Reason
from knowledge_base.embedding import SentenceTransformerEmbedder
from tests.agent.scenes import make_screener

MODEL = Path.home() / ".cache/frontdesk/models/all-MiniLM-L6-v2"
SCREENER = Screener.load()
NOWHERE = np.zeros(SCREENER.weights.shape[1], np.float32)


@pytest.fixture(scope="module")
def embedder() -> SentenceTransformerEmbedder:
    if not (MODEL / "model.safetensors").exists():
        pytest.skip(f"no embedder in {MODEL}: `frontdesk models pull` fetches it")
    return SentenceTransformerEmbedder(MODEL)


def test_the_saved_model_knows_every_reason() -> None:
    assert set(SCREENER.labels) == {NONE, *REASONS}
    assert len(SCREENER.labels) == len(SCREENER.bias) == len(SCREENER.thresholds)
    assert all(0 <= threshold <= 1 for threshold in SCREENER.thresholds)


@pytest.mark.parametrize(
    "text",
    [
        "talk to a person",
        "TALK TO A PERSON!",
        "I’d like to speak to a human, please.",
        "Ich will mit einem MENSCHEN sprechen",
        "Puedo hablar con una persona?",
        "je voudrais parler à une personne",
        "parler a une personne svp",
        "vorrei parlare con un operatore",
        "quero falar com um atendente",
    ],
)
def test_a_plain_wish_is_certain_in_any_case_and_with_or_without_accents(text: str) -> None:
    screening = make_screener().screen(text, NOWHERE)
    assert screening.reason is Reason.ASKED_FOR_PERSON
    assert screening.confidence == 1


@pytest.mark.parametrize(
    "text",
    ["Can I talk to someone, for example the host?", "mit jemandem sprechen: dem Vermieter", ""],
)
def test_a_wish_for_somebody_else_is_none(text: str) -> None:
    assert make_screener().screen(text, NOWHERE).reason is None


def test_a_label_below_its_threshold_hands_nobody_off() -> None:
    strongest = SCREENER.weights[SCREENER.labels.index("upset")].astype(np.float32)
    vector = strongest / np.linalg.norm(strongest)
    assert SCREENER.screen("x", vector).reason is Reason.UPSET
    assert make_screener().screen("x", vector).reason is None


@pytest.mark.embedder
@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Connect me with one of your employees right now", Reason.ASKED_FOR_PERSON),
        ("This is the worst service ever, you are thieves and liars!", Reason.UPSET),
        ("There is a fire in the house and we can't get out", Reason.UNSAFE),
    ],
)
def test_the_classifier_hears_what_no_phrase_says(
    embedder: SentenceTransformerEmbedder, text: str, reason: Reason
) -> None:
    assert SCREENER.screen(text, embedder.encode([text])[0]).reason is reason


@pytest.mark.embedder
@pytest.mark.parametrize(
    "text",
    [
        "I cancelled yesterday, when does my money come back to my card?",
        "Can I bring my dog?",
        "it doesn't work",
        "How many co-hosts can a listing have?",
        "Where do I find my receipts?",
    ],
)
def test_an_ordinary_question_goes_on(embedder: SentenceTransformerEmbedder, text: str) -> None:
    assert SCREENER.screen(text, embedder.encode([text])[0]).reason is None
