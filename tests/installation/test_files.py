from pathlib import Path

import pytest

from installation.errors import InstallationError
from installation.files import cut_package, hold, write

LOCK = """\
torch-like==1.0 \\
    --hash=sha256:aa
torch==2.0 \\
    --hash=sha256:bb \\
    --hash=sha256:cc
zlib==1 \\
    --hash=sha256:dd
"""


class WaitedError(Exception):
    pass


def raise_waited() -> None:
    raise WaitedError


def test_a_package_is_cut_out_with_all_its_hashes(tmp_path: Path) -> None:
    lock = tmp_path / "requirements.lock"
    lock.write_text(LOCK)
    assert cut_package(lock, "torch") == (
        "torch==2.0 \\\n    --hash=sha256:bb \\\n    --hash=sha256:cc\n"
    )


def test_a_package_that_is_not_locked_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    lock = tmp_path / "requirements.lock"
    lock.write_text(LOCK)
    with pytest.raises(InstallationError, match="make lock"):
        cut_package(lock, "numpy")


def test_a_file_is_written_whole_and_leaves_no_draft(tmp_path: Path) -> None:
    write(tmp_path / "stamps" / "python", "key")
    assert [path.name for path in (tmp_path / "stamps").iterdir()] == ["python"]


def test_a_second_run_waits_for_the_first(tmp_path: Path) -> None:
    with (
        hold(tmp_path, raise_waited),
        pytest.raises(WaitedError),
        hold(tmp_path, raise_waited),
    ):
        pass


def test_a_folder_is_free_again_afterwards(tmp_path: Path) -> None:
    with hold(tmp_path, raise_waited):
        pass
    with hold(tmp_path, raise_waited):
        pass
