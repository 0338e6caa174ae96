"""`frontdesk bench agent`: the whole agent at work, beside the usual tutorial."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import anyio
import typer

from api.settings import Settings, read_settings
from commands.bench_engine import OWN, UsersOption, notify
from commands.runs import open_engine, open_subject
from commands.terminal import out, print_json

if TYPE_CHECKING:
    from evals.suites import Suite

TUTORIAL = "tutorial"


def agent(
    suite: Annotated[Path, typer.Argument(help="Folder of judged cases, whose turns are played.")],
    *,
    tutorial: Annotated[
        str | None,
        typer.Option(metavar="URL", help="A running server of the same model, for the tutorial."),
    ] = None,
    users: UsersOption = None,
    turns: Annotated[int, typer.Option(min=1, help="Different turns; twice as many repeat.")] = 16,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")] = False,
) -> None:
    """Time whole turns: search, decision, answer and verification, several customers at once.

    The tutorial: LangChain, Chroma, one prompt with four chunks, and nothing verified. Its server
    is started by you; docs/engine.md has the command line.
    """
    from evals.suites import read_suite  # noqa: PLC0415 - it takes seconds

    result = anyio.run(_bench, read_settings(), read_suite(suite), tutorial, users or [8], turns)
    if as_json:
        print_json(result)
    else:
        out.print(f"Machine: {result['machine']}")


async def _bench(
    settings: Settings, suite: "Suite", url: str | None, users: Sequence[int], turns: int
) -> dict[str, Any]:
    from evals.agent_speed import open_agent  # noqa: PLC0415 - it takes seconds
    from evals.loads import run_loads  # noqa: PLC0415 - as said above
    from evals.provenance import describe_machine  # noqa: PLC0415 - as said above
    from evals.tutorial import open_tutorial  # noqa: PLC0415 - as said above

    cases, systems = suite.draw_answerable(turns), dict[str, Any]()
    async with open_engine(settings) as engine:
        if url:
            with open_tutorial(suite.articles, engine.embedder, url) as opened:
                told = partial(notify, TUTORIAL)
                systems[TUTORIAL] = await run_loads(opened.ask, cases, users, told)
        with open_subject(engine, suite.articles) as subject:
            ask = open_agent(subject.deps)
            systems[OWN] = await run_loads(ask, cases, users, partial(notify, OWN))
        sha256 = engine.model.sha256
    return {"machine": describe_machine(), "model_sha256": sha256, "systems": systems}
