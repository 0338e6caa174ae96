import stat
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from api.auth import TokenRefused, Tokens, read_secret


def test_a_secret_is_made_once_for_its_owner_only(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    with ThreadPoolExecutor(8) as pool:
        keys = set(pool.map(lambda _: read_secret(folder), range(16)))
    assert len(keys) == 1
    assert len(keys.pop()) == 64
    assert [path.name for path in folder.iterdir()] == ["secret.key"]
    assert stat.S_IMODE((folder / "secret.key").stat().st_mode) == 0o600


def test_a_token_names_its_conversation() -> None:
    tokens = Tokens("x" * 32)
    assert tokens.read(tokens.issue("c1", datetime.now(UTC))) == "c1"


def test_a_token_ends_after_thirty_days() -> None:
    tokens = Tokens("x" * 32)
    old = tokens.issue("c1", datetime.now(UTC) - timedelta(days=30, seconds=1))
    with pytest.raises(TokenRefused, match="expired"):
        tokens.read(old)


def test_another_service_s_token_is_refused() -> None:
    with pytest.raises(TokenRefused):
        Tokens("x" * 32).read(Tokens("y" * 32).issue("c1", datetime.now(UTC)))


def test_the_key_is_not_in_the_representation() -> None:
    assert "xxx" not in repr(Tokens("x" * 32))
