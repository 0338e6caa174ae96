from pathlib import Path

import pytest

from installation.errors import InstallationError
from installation.machine import describe_processor, require_compiler, require_disk


def test_too_little_disk_is_said_with_what_is_needed(tmp_path: Path) -> None:
    with pytest.raises(InstallationError, match=r"about 1000000000 GB are needed for tests"):
        require_disk(tmp_path, 10**18, "tests")


def test_without_a_compiler_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InstallationError, match=r"(?s)No C compiler.*apt install g\+\+"):
        require_compiler()


@pytest.mark.parametrize("label", ["flags\t\t", "Features\t"])
def test_a_processor_is_known_by_its_instructions_in_any_order(label: str, tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    one.write_text(f"processor\t: 0\n{label}: sse avx2 fma\n\nprocessor\t: 1\n{label}: sse\n")
    other.write_text(f"processor\t: 0\n{label}: fma avx2 sse\n")
    assert describe_processor(one) == describe_processor(other) == "avx2 fma sse"
