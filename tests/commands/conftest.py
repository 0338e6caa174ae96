import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CACHE = Path(os.environ.get("FRONTDESK_CACHE", "~/.cache/frontdesk")).expanduser()

PROGRAM = (sys.executable, "-c", "from commands import main; main()")

Run = Callable[..., "subprocess.CompletedProcess[str]"]


def surround(data: Path) -> dict[str, str]:
    """Return the environment of a command that works in a data folder, with no other setting."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("FRONTDESK_")}
    return kept | {"FRONTDESK_DATA": str(data), "FRONTDESK_CACHE": str(CACHE)}


@pytest.fixture(scope="session")
def frontdesk() -> Run:
    """Run the command line as a person does; nothing is asked on stdin."""

    def run(
        *arguments: str | Path, data: Path, **environment: str
    ) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [*PROGRAM, *map(str, arguments)],
            cwd=ROOT,
            env=surround(data) | environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )

    return run


@pytest.fixture(scope="session")
def embedder() -> None:
    if not (CACHE / "models/all-MiniLM-L6-v2/model.safetensors").exists():
        pytest.skip("the embedder is not in the cache: `frontdesk models pull`")


@pytest.fixture(scope="session")
def demo(frontdesk: Run, tmp_path_factory: pytest.TempPathFactory, embedder: None) -> Path:
    """Return a data folder with the demo company's articles."""
    del embedder
    data = tmp_path_factory.mktemp("demo")
    done = frontdesk("kb", "import", "articles", data=data)
    assert done.returncode == 0, done.stderr
    return data
