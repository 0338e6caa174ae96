import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from installation import steps

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
RUNTIME = PROJECT["project"]["dependencies"]
DEV = PROJECT["dependency-groups"]["dev"]
LOCKS = ("requirements.lock", "requirements-dev.lock")


def read_pins(lock: str) -> dict[str, str]:
    lines = (ROOT / lock).read_text().splitlines()
    pinned = [line.split(";")[0].rstrip(" \\") for line in lines if not line.startswith(" ")]
    return dict(pin.split("==") for pin in pinned)


@pytest.mark.parametrize(
    ("lock", "wanted"),
    [(LOCKS[0], RUNTIME), (LOCKS[1], RUNTIME + DEV)],
    ids=LOCKS,
)
def test_every_dependency_of_the_project_is_locked_in_range(lock: str, wanted: list[str]) -> None:
    pins = read_pins(lock)
    requirements = [Requirement(line) for line in wanted if not line.startswith("torch==")]
    wrong = [
        f"{requirement}, locked {pins.get(canonicalize_name(requirement.name))}"
        for requirement in requirements
        if pins.get(canonicalize_name(requirement.name), "0") not in requirement.specifier
    ]
    assert not wrong, "run `make lock`"


@pytest.mark.parametrize("lock", LOCKS)
def test_every_pin_has_a_hash(lock: str) -> None:
    blocks = re.split(r"\n(?=\S)", (ROOT / lock).read_text().strip())
    whole = re.compile(r"\S+==\S+( ; [^\\]+)?( \\\n    --hash=sha256:[0-9a-f]{64})+")
    assert [block for block in blocks if not whole.fullmatch(block)] == []


@pytest.mark.parametrize("lock", LOCKS)
def test_torch_is_left_to_the_installation_which_takes_its_cpu_build(lock: str) -> None:
    assert "torch" not in read_pins(lock)
    assert f"torch=={steps.TORCH}" in RUNTIME


def test_the_two_locks_agree() -> None:
    dev = read_pins(LOCKS[1])
    assert {name: dev.get(name) for name in read_pins(LOCKS[0])} == read_pins(LOCKS[0])


def test_what_installs_the_rest_is_locked_too() -> None:
    needed = Requirement(PROJECT["build-system"]["requires"][0])
    assert Version(read_pins(LOCKS[0])["setuptools"]) in needed.specifier
    assert "pip" in read_pins(LOCKS[1])
