from dataclasses import replace

import pytest

from agent.language.detection import LinguaDetector
from agent.nodes.screen import screen
from agent.state import Outcome, Reason
from tests.agent.scenes import QUESTION, Scene, begin


@pytest.mark.parametrize(
    "question",
    [
        "I want to talk to a person",
        "LET ME SPEAK TO A HUMAN!!",
        "Is there a real person here?",
        "Ich möchte mit einem Menschen sprechen",
        "Quiero hablar con una persona",
        "Je veux parler à une personne",
        "Vorrei parlare con una persona",
        "Quero falar com uma pessoa",
        "Ik wil met een medewerker praten",
    ],
)
async def test_a_wish_for_a_person_is_heard_in_several_languages(question: str) -> None:
    came = await screen(begin(question), Scene().runtime)
    assert came["outcome"] is Outcome.HANDED_OFF
    assert came["reason"] is Reason.ASKED_FOR_PERSON


@pytest.mark.parametrize(
    "question",
    [
        QUESTION,
        "Can I talk to someone at the house, like the host?",
        "Is a person under 18 allowed?",
    ],
)
async def test_a_question_goes_on(question: str) -> None:
    came = await screen(begin(question), Scene().runtime)
    assert "outcome" not in came


async def test_the_language_is_told() -> None:
    scene = Scene()
    deps = replace(scene.deps, languages=LinguaDetector())
    runtime = scene.runtime.override(context=deps)
    question = "Wann bekomme ich mein Geld nach der Stornierung zurück?"
    assert (await screen(begin(question), runtime))["language"] == "de"
    assert (await screen(begin(), runtime))["language"] == "en"
