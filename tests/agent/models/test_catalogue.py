from pathlib import Path

import pytest
from pydantic import ValidationError

from agent.models.catalogue import UnknownModel, by_role, find, parse_catalogue, read_catalogue


def test_every_name_and_role_is_there_once() -> None:
    models = read_catalogue()
    assert len({model.name for model in models}) == len(models)
    assert len({model.role for model in models}) == len(models)


def test_a_model_of_one_file_lies_among_the_models(tmp_path: Path) -> None:
    model = by_role("answers")
    assert model.locate(tmp_path) == tmp_path / "qwen2.5-coder-1.5b-instruct-q4_k_m.gguf"
    assert model.size == 1117320768


def test_a_model_of_many_files_has_a_folder(tmp_path: Path) -> None:
    model = find("all-MiniLM-L6-v2")
    assert model.locate(tmp_path) == tmp_path / "all-MiniLM-L6-v2"
    assert model.sha256.startswith("53aa5117")


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    with pytest.raises(UnknownModel, match="all-MiniLM-L6-v2"):
        find("gpt")


def test_the_catalogue_holds_what_the_design_pins() -> None:
    pinned = {model.role: (model.sha256[:8], model.tested) for model in read_catalogue()}
    assert pinned == {
        "answers": ("cc324af0", True),
        "small": ("1d961463", True),
        "answers-large": ("7485fe6f", False),
        "embeddings": ("53aa5117", True),
        "embeddings-large": ("78c0197b", True),
    }


@pytest.mark.parametrize("text", ["colour = 'red'", "[[model]]\ncolour = 'red'"])
def test_an_unknown_key_is_refused_by_name(text: str) -> None:
    with pytest.raises(ValidationError, match="colour"):
        parse_catalogue(text)
