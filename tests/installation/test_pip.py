from pathlib import Path

import pytest

from installation.pip import remove_unfinished


@pytest.fixture
def packages(tmp_path: Path) -> Path:
    folder = tmp_path / "lib" / "python3.11" / "site-packages"
    folder.mkdir(parents=True)
    return folder


def test_a_package_that_pip_finished_stays(tmp_path: Path, packages: Path) -> None:
    (packages / "six-1.dist-info").mkdir()
    (packages / "six-1.dist-info" / "RECORD").write_text("six.py,,\nsix-1.dist-info/INSTALLER,,\n")
    remove_unfinished(tmp_path)
    assert (packages / "six-1.dist-info").exists()


@pytest.mark.parametrize("record", [None, "", "six.py,sha256=x,1\n"])
def test_a_package_that_pip_was_killed_over_is_forgotten(
    tmp_path: Path, packages: Path, record: str | None
) -> None:
    (packages / "six-1.dist-info").mkdir()
    if record is not None:
        (packages / "six-1.dist-info" / "RECORD").write_text(record)
    remove_unfinished(tmp_path)
    assert list(packages.iterdir()) == []


def test_what_pip_was_replacing_is_removed(tmp_path: Path, packages: Path) -> None:
    (packages / "~umpy").mkdir()
    remove_unfinished(tmp_path)
    assert list(packages.iterdir()) == []
