import string
import tomllib
from pathlib import Path

import pytest

from agent.language import phrases
from agent.language.detection import DEFAULT, LinguaDetector
from agent.language.phrases import say
from agent.state import Reason

PHRASES: dict[str, dict[str, str]] = tomllib.loads(
    Path(phrases.__file__).with_name("phrases.toml").read_text(encoding="utf-8")
)
HANDED_OFF = {
    Reason.ASKED_FOR_PERSON,
    Reason.UPSET,
    Reason.UNSAFE,
    Reason.OUT_OF_POLICY,
    Reason.ABSTAINED_TWICE,
    Reason.WITH_PERSON,
}


def read_placeholders(phrase: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(phrase) if name}


@pytest.mark.parametrize("language", PHRASES)
def test_every_phrase_is_there_in_every_language(language: str) -> None:
    assert set(PHRASES[language]) == set(PHRASES[DEFAULT])
    assert all(phrase.strip() for phrase in PHRASES[language].values())


@pytest.mark.parametrize("language", PHRASES)
def test_placeholders_agree_between_languages(language: str) -> None:
    for key, phrase in PHRASES[DEFAULT].items():
        assert read_placeholders(PHRASES[language][key]) == read_placeholders(phrase), key


@pytest.mark.parametrize("language", PHRASES)
def test_there_is_something_to_say_for_every_hand_off(language: str) -> None:
    assert {say(reason.value, language) for reason in HANDED_OFF}


def test_english_stands_in_for_a_language_without_phrases() -> None:
    assert say("clarify", "xx") == say("clarify", DEFAULT)


def test_a_value_is_put_in_as_it_is() -> None:
    assert "{title} {0} %s" in say("nearest", "en", title="{title} {0} %s")


def test_an_unknown_phrase_or_a_missing_value_is_an_error() -> None:
    with pytest.raises(KeyError):
        say("no such phrase", DEFAULT)
    with pytest.raises(KeyError):
        say("nearest", DEFAULT)


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("When does my money come back after I cancelled?", "en"),
        ("Wann bekomme ich mein Geld nach der Stornierung zurück?", "de"),
        ("¿Cuándo me devuelven el dinero después de cancelar la reserva?", "es"),
        ("Quand vais-je récupérer mon argent après une annulation ?", "fr"),
        ("ok", DEFAULT),
        ("", DEFAULT),
        ("🙂🙂🙂🙂🙂🙂🙂🙂🙂🙂🙂🙂🙂", DEFAULT),
        ("123456789 123456789", DEFAULT),
    ],
)
def test_the_customer_s_language_is_told(text: str, language: str) -> None:
    assert LinguaDetector().detect(text) == language
