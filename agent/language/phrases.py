"""The agent's own words, in the customer's language."""

import tomllib
from functools import lru_cache
from pathlib import Path

from agent.language.detection import DEFAULT


@lru_cache(maxsize=1)
def _phrases() -> dict[str, dict[str, str]]:
    return tomllib.loads((Path(__file__).parent / "phrases.toml").read_text(encoding="utf-8"))


def say(key: str, language: str, **values: str) -> str:
    """Return the phrase in the language, in English where it has not been translated."""
    phrases = _phrases()
    return phrases.get(language, phrases[DEFAULT])[key].format(**values)
