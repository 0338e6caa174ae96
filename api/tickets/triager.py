"""The cascade of the running service: opened at the first ticket, anew after each training."""

from asyncio import Lock
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from anyio import to_thread

from agent.triage.verdicts import Stage

if TYPE_CHECKING:
    from agent.triage.artefacts import Artefact, Shelf
    from agent.triage.cascade import Cascade
    from agent.triage.tickets import Ticket
    from agent.triage.verdicts import Triage


class Workshop(Protocol):
    """Puts cascades together from what was opened for a trained version."""

    def __call__(self, threshold: float | None = None, *, asking: bool = False) -> "Cascade":
        """Return a cascade that has seen no ticket; `asking` lets it ask the language model."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A trained version, the cascade that judges with it, and one that asks the language model."""

    artefact: "Artefact"
    cascade: "Cascade"
    asking: "Cascade | None" = None


@dataclass(frozen=True, slots=True)
class Current:
    """The current version, its workshop, and the cascade that single tickets share."""

    artefact: "Artefact"
    workshop: Workshop
    cascade: "Cascade"


class Triager:
    """Triages tickets with the current version; one batch at a time.

    With `asks`, the language model is asked about what a person would have to settle. That takes
    seconds, in which others have their turn.
    """

    def __init__(
        self,
        open_shelf: Callable[[], "Shelf"],
        open_workshop: Callable[["Artefact"], Workshop],
        *,
        asks: bool = False,
    ) -> None:
        self._open_shelf = open_shelf
        self._open_workshop = open_workshop
        self._asks = asks
        self._lock = Lock()
        self._current: Current | None = None

    async def open(self) -> Opened:
        """Return what judges single tickets now. Raises TriageError if nothing is trained."""
        async with self._lock:
            current = await self._refresh()
        return Opened(current.artefact, current.cascade, self._make_asking(current.workshop))

    async def open_apart(self, version: str | None, threshold: float | None) -> Opened:
        """Return what judges a file of tickets, by the current version or another.

        `threshold` is the least confidence to decide. Raises TriageError if the version is not
        there.
        """
        async with self._lock:
            current = await self._refresh()
            artefact, workshop = current.artefact, current.workshop
            if version not in {None, artefact.version}:
                shelf = await to_thread.run_sync(self._open_shelf)
                artefact, workshop = await self._load(shelf, version)
        return Opened(artefact, workshop(threshold), self._make_asking(workshop, threshold))

    async def judge(self, opened: Opened, tickets: Sequence["Ticket"]) -> list["Triage"]:
        """Return what is found out about each ticket by what was opened."""
        async with self._lock:
            triaged = await opened.cascade.triage(tickets)
        if opened.asking is None:
            return triaged
        # Classified again, which takes a hundredth of what the model does: the lock is not held
        # while it is asked, and nobody else's ticket waits for its answers.
        doubted = [place for place, each in enumerate(triaged) if each.stage is Stage.PERSON]
        asked = await opened.asking.triage([tickets[place] for place in doubted])
        settled = dict(zip(doubted, asked, strict=True))
        return [settled.get(place, each) for place, each in enumerate(triaged)]

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

    def _make_asking(self, workshop: Workshop, threshold: float | None = None) -> "Cascade | None":
        return workshop(threshold, asking=True) if self._asks else None

    async def _refresh(self) -> Current:
        shelf = await to_thread.run_sync(self._open_shelf)
        version = await to_thread.run_sync(shelf.read_current)
        if self._current is None or self._current.artefact.version != version:
            artefact, workshop = await self._load(shelf, version)
            self._current = Current(artefact, workshop, workshop())
        return self._current

    async def _load(self, shelf: "Shelf", version: str | None) -> tuple["Artefact", Workshop]:
        artefact = await to_thread.run_sync(shelf.load, version)
        return artefact, await to_thread.run_sync(self._open_workshop, artefact)
