from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Checkout:
    """Where the environment is made, and how."""

    root: Path
    cache: Path
    portable: bool = False
    torch_index: str = ""

    @property
    def venv(self) -> Path:
        """The environment's folder."""
        return self.root / ".venv"

    @property
    def python(self) -> Path:
        """The environment's interpreter."""
        return self.venv / "bin" / "python"

    @property
    def runtime_lock(self) -> Path:
        """What Frontdesk runs with, with hashes."""
        return self.root / "requirements.lock"

    @property
    def dev_lock(self) -> Path:
        """The same and the tools for checks and tests."""
        return self.root / "requirements-dev.lock"

    @property
    def log(self) -> Path:
        """All that pip said in this run."""
        return self.root / ".venv.log"
