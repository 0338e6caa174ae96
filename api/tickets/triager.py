"""The cascade of the running service: opened at the first ticket, anew after each training."""

from asyncio import Lock
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from anyio import to_thread

if TYPE_CHECKING:
    from agent.triage.artefacts import Artefact, Shelf
    from agent.triage.cascade import Cascade
    from agent.triage.tickets import Ticket
    from agent.triage.verdicts import Triage


@dataclass(frozen=True, slots=True)
class Opened:
    """A trained version, and the cascade that judges with it."""

    artefact: "Artefact"
    cascade: "Cascade"


class Triager:
    """Triages tickets with the current version; one batch at a time."""

    def __init__(
        self, open_shelf: Callable[[], "Shelf"], open_cascade: Callable[["Artefact"], "Cascade"]
    ) -> None:
        self._open_shelf = open_shelf
        self._open_cascade = open_cascade
        self._lock = Lock()
        self._opened: Opened | None = None

    async def open(self, version: str | None = None) -> Opened:
        """Return what judges now, or a version. Raises TriageError if it is not there."""
        async with self._lock:
            current = await self._refresh()
            if version is None or version == current.artefact.version:
                return current
            shelf = await to_thread.run_sync(self._open_shelf)
            return await self._load(shelf, version)

    async def judge(self, opened: Opened, tickets: Sequence["Ticket"]) -> list["Triage"]:
        """Return what is found out about each ticket by what was opened."""
        async with self._lock:
            return await opened.cascade.triage(tickets)

    async def triage(self, tickets: Sequence["Ticket"]) -> tuple[str, list["Triage"]]:
        """Return the version and what is found out about each ticket; raises TriageError."""
        opened = await self.open()
        return opened.artefact.version, await self.judge(opened, tickets)

    def read_version(self) -> str:
        """Return the current version; raises TriageError if nothing is trained; blocks."""
        return self._open_shelf().read_current()

    def list_labels(self, version: str) -> dict[str, list[str]]:
        """Return the categories of each label column of a version; raises TriageError; blocks."""
        report = self._open_shelf().read_card(version)["report"]
        return {label: list(each["categories"]) for label, each in report["labels"].items()}

    async def _refresh(self) -> Opened:
        shelf = await to_thread.run_sync(self._open_shelf)
        current = await to_thread.run_sync(shelf.read_current)
        if self._opened is None or self._opened.artefact.version != current:
            self._opened = await self._load(shelf, current)
        return self._opened

    async def _load(self, shelf: "Shelf", version: str) -> Opened:
        artefact = await to_thread.run_sync(shelf.load, version)
        return Opened(artefact, await to_thread.run_sync(self._open_cascade, artefact))
