"""`frontdesk bench engine`: many customers at once, beside other servers of the same model."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlsplit

import anyio
import typer

from api.settings import Settings, read_settings
from commands.terminal import Exit, err, fail, out, print_json, show_table

if TYPE_CHECKING:
    from agent.ports import ChatModel
    from evals.engine import Plan

OWN = "frontdesk"
FORETOLD = 6
PLOTS = {
    "turns.svg": ("turns_per_minute", "turns a minute"),
    "first-token.svg": ("ttft_p95_s", "seconds to the first token, p95"),
}


UsersOption = Annotated[
    list[int] | None,
    typer.Option(
        "--users", min=1, help="So many customers at once; may be repeated.", show_default="8"
    ),
]


@dataclass(frozen=True, slots=True)
class Bench:
    """What is measured, on which systems (their addresses by name), and how many requests last."""

    settings: Settings
    plan: "Plan"
    peers: Mapping[str, str]
    requests: int

    async def run(self) -> dict[str, Any]:
        """Measure the peers, then this engine: none takes memory or time from another."""
        from evals.provenance import describe_machine  # noqa: PLC0415 - it takes seconds

        systems: dict[str, Any] = {}
        leaving: dict[str, float] = {}
        for name, url in self.peers.items():
            async with self._open(url) as model:
                systems[name] = await self._measure(model, name)
                leaving |= await _measure_leaving(model, name, urlsplit(url).port)
        async with self._open(None) as model:
            systems[OWN] = await self._measure(model, OWN)
            leaving |= await _measure_leaving(model, OWN, None)
            alone = await self._measure_own(model)
            sha256 = model.sha256
        told = {"machine": describe_machine(), "model_sha256": sha256, "systems": systems}
        return {**told, "cpu_s_after_leaving": leaving, **alone}

    def _open(self, url: str | None) -> Any:  # noqa: ANN401 - a context of a model
        from api.assembly import open_chat_model  # noqa: PLC0415 - it takes seconds

        return open_chat_model(self.settings.model_copy(update={"model_url": url}))

    async def _measure(self, model: "ChatModel", name: str) -> dict[str, Any]:
        from evals.engine import measure_system  # noqa: PLC0415 - it takes seconds

        return await measure_system(model, name, self.plan, partial(notify, name))

    async def _measure_own(self, model: Any) -> dict[str, Any]:  # noqa: ANN401 - a local model
        from agent.models.catalogue import find  # noqa: PLC0415 - it takes seconds
        from evals.endurance import measure_lanes, measure_memory  # noqa: PLC0415 - as said above
        from evals.processes import find_worker  # noqa: PLC0415 - as said above
        from evals.roofline import measure_roofline  # noqa: PLC0415 - as said above
        from evals.speculation import measure_speculation  # noqa: PLC0415 - as said above

        size = find(self.settings.model).size
        told: dict[str, Any] = {
            "roofline": await measure_roofline(model, size, self.settings.threads),
            "chat_beside_batch": await measure_lanes(model, self.plan.turns),
            "speculation": await measure_speculation(model, self.plan.turns[:FORETOLD]),
        }
        if self.requests:
            most = max(self.plan.users)
            told["memory"] = await measure_memory(model, find_worker(), self.requests, most)
        return told


async def _measure_leaving(model: "ChatModel", name: str, port: int | None) -> dict[str, float]:
    from evals.endurance import measure_leaving  # noqa: PLC0415 - it takes seconds
    from evals.errors import EvalError  # noqa: PLC0415 - as said above
    from evals.processes import find_server, find_worker  # noqa: PLC0415 - as said above

    try:
        pid = find_server(port) if port else find_worker()
    except EvalError as error:
        err.print(f"{name}: {error} What it burns after a customer left is not told.")
        return {}
    return {name: await measure_leaving(model, pid)}


def engine(  # noqa: PLR0913 - options of the command line
    suite: Annotated[Path, typer.Argument(help="Folder of judged cases, whose turns are played.")],
    *,
    peer: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=URL", help="A running server of the same model, to compare."),
    ] = None,
    users: UsersOption = None,
    turns: Annotated[int, typer.Option(min=1, help="Different turns; twice as many repeat.")] = 16,
    tokens: Annotated[int, typer.Option(min=1, help="Most new tokens a turn.")] = 64,
    # A prompt then has some 600 tokens, 370 of them instructions that all have in common.
    source_chars: Annotated[
        int, typer.Option(min=1, help="Most characters of its sources in a turn's prompt.")
    ] = 1200,
    requests: Annotated[
        int, typer.Option(min=0, help="So many short requests more, to watch the memory.")
    ] = 0,
    plots: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Also draw the figures, as SVG.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")] = False,
) -> None:
    """Time the engine with several customers at once, beside other servers of the same model.

    Cold: every turn is new. Zipf: the same turns, some asked often. Servers are started by you;
    docs/engine.md has their command lines. Figures are shown as they come.
    """
    from evals.engine import Plan, read_turns  # noqa: PLC0415 - it takes seconds
    from evals.suites import read_suite  # noqa: PLC0415 - as said above

    peers = dict(_split_peer(each) for each in peer or [])
    plan = Plan(read_turns(read_suite(suite), turns, source_chars), users or [8], tokens)
    result = anyio.run(Bench(read_settings(), plan, peers, requests).run)
    if plots:
        _draw(result["systems"], plots)
    if as_json:
        print_json(result)
        return
    for name in ("cpu_s_after_leaving", "roofline", "chat_beside_batch", "speculation", "memory"):
        if name in result:
            rows = ((key, f"{value:,.2f}") for key, value in result[name].items())
            show_table(name.replace("_", " "), rows)
    out.print(f"Machine: {result['machine']}")


def _split_peer(given: str) -> tuple[str, str]:
    name, separator, url = given.partition("=")
    if not separator or name == OWN:
        raise fail(f"--peer {given}: it should be NAME=URL.", Exit.WRONG_USAGE)
    return name, url


def notify(name: str, load: str, told: Mapping[str, float]) -> None:
    """Show a load's figures at once: what was measured is not lost with what comes after."""
    err.print(f"{name}, {load}: {', '.join(_describe(told))}", markup=False)


def _describe(told: Mapping[str, float]) -> Iterator[str]:
    yield f"{told['turns_per_minute']:.1f} turns a minute"
    yield f"{told['tokens_per_second']:.0f} tokens a second"
    yield f"first token p50 {told['ttft_p50_s']:.1f} s"
    yield f"p95 {told['ttft_p95_s']:.1f} s"


def _draw(systems: Mapping[str, Any], folder: Path) -> None:
    from evals.charts import draw_users  # noqa: PLC0415 - it takes seconds

    folder.mkdir(parents=True, exist_ok=True)
    for name, (figure, up) in PLOTS.items():
        (folder / name).write_text(draw_users(systems, figure, up), encoding="utf-8")
