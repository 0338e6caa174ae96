import re
import shutil
import subprocess
from collections import deque
from pathlib import Path

from installation.checkout import Checkout
from installation.errors import InstallationError
from installation.progress import Progress, Tracker

INSTALL = ("install", "--no-deps", "--progress-bar=raw")
NOISE = re.compile(r"Progress \d|Requirement already|Looking in|WARNING: Location .* is ignored")


class Pip:
    """Runs the environment's pip: all it says into the log, how far it is onto one line."""

    def __init__(self, checkout: Checkout, progress: Progress) -> None:
        self._checkout = checkout
        self._progress = progress

    def run(self, *arguments: str, count: int = 0) -> None:
        """Run pip; `count` is how many packages it will collect.

        Raises InstallationError with the end of what pip said.
        """
        remove_unfinished(self._checkout.venv)
        python = str(self._checkout.python)
        flags = ("-m", "pip", "--no-input", "--disable-pip-version-check")
        code, words = self._watch([python, *flags, *arguments], Tracker(count))
        if code:
            said = "\n".join(f"  {line}" for line in words)
            raise InstallationError(
                f"pip {arguments[0]} failed; its last words were\n{said}\n"
                f"All it said is in {self._checkout.log}. "
                "Once that is mended, the same command goes on from here."
            )

    def _watch(self, command: list[str], tracker: Tracker) -> tuple[int, deque[str]]:
        words: deque[str] = deque(maxlen=12)
        with (
            self._checkout.log.open("a", encoding="utf-8") as log,
            subprocess.Popen(  # noqa: S603 - our own environment's pip, arguments from this package
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                close_fds=False,  # so that it keeps what `hold` holds
            ) as process,
        ):
            for line in process.stdout or ():
                log.write(line)
                if not NOISE.match(line):
                    words.append(line.rstrip())
                if shown := tracker.describe(line):
                    self._progress.show(shown)
        self._progress.show("")
        return process.returncode, words


def remove_unfinished(venv: Path) -> None:
    """Forget packages that a killed pip left half installed, which pip would take for whole.

    pip adds its INSTALLER file to a package's RECORD as its last act on that package; what it is
    replacing it keeps in folders whose names begin with a tilde.
    """
    for packages in venv.glob("lib/python3.*/site-packages"):
        for folder in packages.glob("*.dist-info"):
            record = folder / "RECORD"
            if not record.exists() or "INSTALLER," not in record.read_text(errors="replace"):
                shutil.rmtree(folder)
        for folder in packages.glob("~*"):
            shutil.rmtree(folder, ignore_errors=True)
