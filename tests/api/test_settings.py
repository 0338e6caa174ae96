from pathlib import Path

import pytest

from api.settings import Settings, SettingsError, list_variables, read_settings

DOCS = Path(__file__).parents[2] / "docs" / "configuration.md"


def test_every_setting_has_a_default_that_works() -> None:
    settings = read_settings()
    assert settings.database == "sqlite:///data/frontdesk.sqlite"
    assert settings.cache == Path.home() / ".cache" / "frontdesk"
    assert (settings.host, settings.port) == ("127.0.0.1", 8000)


def test_the_environment_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FRONTDESK_PORT", "9000")
    monkeypatch.setenv("FRONTDESK_DATA", "/var/lib/frontdesk")
    monkeypatch.setenv("DATABASE_URL", "postgresql://somewhere/db")
    monkeypatch.setenv("MODEL_URL", "http://127.0.0.1:9999/v1")
    settings = read_settings()
    assert settings.port == 9000
    assert settings.data == Path("/var/lib/frontdesk")
    assert settings.database == "postgresql://somewhere/db"
    assert settings.model_url == "http://127.0.0.1:9999/v1"


def test_our_own_variable_comes_before_the_plain_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "sqlite:///other.sqlite")
    monkeypatch.setenv("FRONTDESK_DATABASE_URL", "sqlite:///ours.sqlite")
    assert read_settings().database == "sqlite:///ours.sqlite"


def test_what_is_given_comes_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FRONTDESK_PORT", "9000")
    monkeypatch.setenv("MODEL_URL", "http://127.0.0.1:1/v1")
    settings = read_settings(port=9001, data=None, model_url="http://127.0.0.1:2/v1")
    assert (settings.port, settings.data) == (9001, Path("data"))
    assert settings.model_url == "http://127.0.0.1:2/v1"


def test_an_unknown_setting_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FRONTDESK_PROT", "9000")
    with pytest.raises(SettingsError, match=r"FRONTDESK_PROT\. Did you mean FRONTDESK_PORT\?"):
        read_settings()


def test_a_wrong_value_is_named_and_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FRONTDESK_SECRET", "hunter2")
    with pytest.raises(SettingsError, match="FRONTDESK_SECRET") as caught:
        read_settings()
    assert "hunter2" not in str(caught.value)


def test_settings_do_not_change() -> None:
    with pytest.raises(ValueError, match="frozen"):
        read_settings().port = 1


def test_every_setting_is_documented() -> None:
    text = DOCS.read_text(encoding="utf-8")
    for name, description in list_variables().items():
        assert f"`{name}`" in text
        assert description, name
    for name in Settings.model_fields:
        assert f"| `FRONTDESK_{name.upper()}` |" in text
