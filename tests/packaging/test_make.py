import os
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MAKEFILE = (ROOT / "Makefile").read_text()
DECLARED = re.findall(r"^\.PHONY: (.*)$", MAKEFILE, re.MULTILINE)[0].split()


def run_make(*arguments: str) -> subprocess.CompletedProcess[str]:
    # Not the outer make's: `make check` runs these tests.
    environment = {name: value for name, value in os.environ.items() if "MAKE" not in name}
    command = ["make", "-C", str(ROOT), "--no-print-directory", *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=60, env=environment
    )


def list_packages() -> set[str]:
    return {path.parent.name for path in ROOT.glob("[a-z]*/__init__.py")} - {"tests"}


def test_make_alone_lists_the_targets() -> None:
    listed = re.findall(r"^  make (\w+) +\S", run_make().stdout, re.MULTILINE)
    assert {"demo", "setup", "test", "check", "lock", "audit", "clean"} <= set(listed)


@pytest.mark.parametrize("target", DECLARED)
def test_every_target_can_be_planned(target: str) -> None:
    plan = run_make("--dry-run", target)
    assert plan.returncode == 0, plan.stderr


@pytest.mark.parametrize("python", ["/usr/bin/false", "/no/such/python", ""])
def test_without_python_3_11_it_says_what_to_install(python: str) -> None:
    done = run_make("setup", f"PYTHON={python}")
    assert done.returncode != 0
    assert "Frontdesk needs Python 3.11" in done.stderr


def test_ci_runs_make_test_and_nothing_else() -> None:
    script = (ROOT / ".ci" / "run").read_text().splitlines()
    assert script[-1] == "exec make test </dev/null"
    assert os.access(ROOT / ".ci" / "run", os.X_OK)


def test_pytest_runs_last_so_that_its_count_closes_the_output() -> None:
    assert run_make("--dry-run", "check").stdout.splitlines()[-1] == ".venv/bin/python -m pytest"


def test_the_checks_know_every_package() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]
    packages = list_packages()
    assert packages <= set(project["mypy"]["files"])
    assert packages <= set(project["importlinter"]["root_packages"])
    sources = re.findall(r"^SOURCES := (.*)$", MAKEFILE, re.MULTILINE)[0].split()
    assert packages <= set(sources)
