import time
from pathlib import Path

import pytest

from agent.models.catalogue import by_role

MODELS = Path("~/.cache/frontdesk/models").expanduser()


class SystemClock:
    def monotonic(self) -> float:
        return time.monotonic()


@pytest.fixture(scope="session")
def clock() -> SystemClock:
    return SystemClock()


@pytest.fixture(scope="session")
def small_model() -> Path:
    """The smallest model's file, as `frontdesk models pull` leaves it."""
    path = by_role("small").locate(MODELS)
    if not path.exists():
        pytest.skip(f"{path} is missing; get it with `frontdesk models pull`")
    return path


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"
