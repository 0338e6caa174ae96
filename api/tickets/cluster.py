"""Triage on several machines: the cascade of one machine, called by Ray Data on each.

Every machine needs the models (`frontdesk models pull`); the trained classifier is sent to it.
"""

import json
import logging
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cache, partial
from typing import TYPE_CHECKING, Any

import anyio
from anyio import to_thread

from agent.triage.cells import pair_cells
from agent.triage.costs import Cost, Costs
from agent.triage.errors import TriageError
from agent.triage.tickets import Ticket
from agent.triage.verdicts import Decision, Stage, Triage
from agent.triage.writing import Cells
from api.settings import Settings

if TYPE_CHECKING:
    from agent.triage.artefacts import Artefact
    from agent.triage.cascade import Cascade

CHUNK = 512
CHUNKS_A_CORE = 4
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a worker opens its cascade with."""

    settings: str
    effort: str
    threshold: float | None


class ClusterJudge:
    """Has tickets judged by a Ray cluster, chunk by chunk; what a lost node had is done again."""

    def __init__(self, address: str | None, artefact: "Artefact", recipe: Recipe) -> None:
        self._ray = _connect(address)
        self._artefact = self._ray.put(artefact)
        self.costs = Costs()
        self._recipe = recipe

    @property
    def batch(self) -> int:
        """How many tickets at a time keep every core of the cluster at work."""
        return CHUNK * CHUNKS_A_CORE * max(1, int(self._ray.cluster_resources().get("CPU", 1)))

    async def __call__(self, tickets: Sequence[Ticket]) -> list[tuple[Triage, Cells]]:
        """Return what is found out about each ticket, in order, and its cells."""
        return await to_thread.run_sync(self._judge, tickets)

    def close(self) -> None:
        """Leave the cluster, or end the one that was begun."""
        self._ray.shutdown()

    def _judge(self, tickets: Sequence[Ticket]) -> list[tuple[Triage, Cells]]:
        from ray.data import from_items  # noqa: PLC0415 - only this engine needs Ray

        if not tickets:
            return []
        chunks = [
            {"place": start, "tickets": _pack(tickets[start : start + CHUNK])}
            for start in range(0, len(tickets), CHUNK)
        ]
        judge = partial(triage_chunk, artefact=self._artefact, recipe=self._recipe)
        done = from_items(chunks, override_num_blocks=len(chunks)).map(judge).take_all()
        for row in done:
            self.costs.add({name: Cost(*each) for name, each in json.loads(row["costs"]).items()})
        triaged = [
            triage
            for row in sorted(done, key=lambda row: int(row["place"]))
            for triage in _unpack(row["triaged"])
        ]
        return pair_cells(tickets, triaged)


def triage_chunk(row: Row, artefact: Any, recipe: Recipe) -> Row:  # noqa: ANN401 - Ray's reference
    """Triage the tickets of a row, in whatever process Ray calls this."""
    cascade = _open_cascade(artefact, recipe)
    tickets = [Ticket(*each) for each in json.loads(row["tickets"])]
    triaged = anyio.run(cascade.triage, tickets)
    return {
        "place": row["place"],
        "triaged": json.dumps([asdict(each) for each in triaged]),
        "costs": json.dumps(cascade.costs.take()),
    }


@cache
def _open_cascade(artefact: Any, recipe: Recipe) -> "Cascade":  # noqa: ANN401 - Ray's reference
    import ray  # noqa: PLC0415 - only this engine needs it

    from agent.triage.effort import Effort  # noqa: PLC0415 - it takes seconds
    from api.triage import fit_encoders, open_cascade, open_encoders, open_teacher  # noqa: PLC0415

    trained = ray.get(artefact)
    effort = Effort(recipe.effort)
    settings = Settings.model_validate_json(recipe.settings)
    deep = effort is not Effort.QUICK
    encoders = fit_encoders(trained, open_encoders(settings, deep=deep))
    teacher = open_teacher(encoders)
    return open_cascade(trained.classifier, teacher, encoders, effort, threshold=recipe.threshold)


def describe_workers(settings: Settings, effort: str, threshold: float | None) -> Recipe:
    """Return what workers need to know; each of them has one core."""
    told = settings.model_dump_json(include={"cache", "embedder", "triage_embedder"})
    return Recipe(json.dumps({**json.loads(told), "threads": 1}), effort, threshold)


def _connect(address: str | None) -> Any:  # noqa: ANN401 - the module
    # Nothing leaves the machine: Ray would report how it is used.
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    try:
        import ray  # noqa: PLC0415 - only this engine needs it
        from ray.data import DataContext  # noqa: PLC0415 - as said above
    except ImportError as error:
        raise TriageError("--engine ray needs Ray: pip install 'frontdesk[ray]'.") from error
    try:
        ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
    except ConnectionError as error:
        raise TriageError(f"There is no Ray cluster at {address} ({error}).") from error
    DataContext.get_current().enable_progress_bars = False
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    return ray


def _pack(tickets: Sequence[Ticket]) -> str:
    return json.dumps([[ticket.row, ticket.id, ticket.text] for ticket in tickets])


def _unpack(triaged: str) -> list[Triage]:
    return [_restore(each) for each in json.loads(triaged)]


def _restore(saved: dict[str, Any]) -> Triage:
    decisions = {label: Decision(**each) for label, each in saved["decisions"].items()}
    ranked = saved["candidates"].items()
    candidates = {label: tuple((n, c) for n, c in each) for label, each in ranked}
    stage = Stage(saved["stage"])
    return Triage(**{**saved, "decisions": decisions, "candidates": candidates, "stage": stage})
