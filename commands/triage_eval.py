"""`frontdesk eval triage`: train on one file, judge another."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import anyio
import typer
from typer.core import TyperCommand

from api.settings import Settings, read_settings
from api.triage import open_cascade, open_encoders, open_teacher
from commands.runs import explain, write_json
from commands.terminal import Exit, fail, out, print_json, show_stages, show_table, warn

if TYPE_CHECKING:
    from agent.triage.cascade import Cascade
    from agent.triage.classifier import Classifier
    from agent.triage.effort import Effort
    from evals.triage import Kit, Trial

STDOUT = "-"
SEED = 20261124


class PrintsJson(TyperCommand):
    """A command whose `--json` prints where no file follows it."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 - typer's context
        """Let a `--json` that stands alone mean `--json -`."""
        told = list(args)
        for place, word in reversed(list(enumerate(args))):
            if word == "--json" and (place + 1 == len(args) or args[place + 1].startswith("--")):
                told.insert(place + 1, STDOUT)
        return super().parse_args(ctx, told)


def triage(  # noqa: PLR0913 - options of the command line
    *,
    train: Annotated[Path, typer.Option(help="Labelled tickets to learn from.")],
    test: Annotated[Path, typer.Option(help="Labelled tickets to judge.")],
    out_of_scope: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Tickets that belong to no category.")
    ] = None,
    each: Annotated[
        int | None, typer.Option(min=1, help="Learn from so many tickets a category only.")
    ] = None,
    draws: Annotated[int, typer.Option(min=1, help="Draws of them, each with its seed.")] = 5,
    effort: Annotated[
        str, typer.Option(help="Whose figures come first: quick, balanced or thorough.")
    ] = "thorough",
    json_file: Annotated[
        str | None,
        typer.Option(
            "--json", metavar="FILE", help="Write the result as JSON; without FILE, print it."
        ),
    ] = None,
) -> None:
    """Measure triage: accuracy, calibration, coverage, what each stage decided, and scope."""
    from agent.triage.effort import Effort  # noqa: PLC0415 - it takes seconds
    from evals.triage import draw_few, evaluate_triage, summarise_draws  # noqa: PLC0415 - it takes seconds

    if effort not in set(Effort):
        raise fail(f"--effort {effort}: quick, balanced or thorough.", Exit.WRONG_USAGE)
    settings = read_settings()
    with explain():
        trial = _read(train, test, out_of_scope)
        kit = _open_kit(settings)
        results = []
        for draw in range(draws if each else 1):
            rows = draw_few(trial.train, each, SEED + draw) if each else trial.train
            drawn = replace(trial, train=rows)
            with show_stages() as notify:
                run = partial(evaluate_triage, drawn, kit, Effort(effort), seed=SEED, notify=notify)
                results.append(anyio.run(run))
        result = summarise_draws(results) if each else results[0]
        if json_file == STDOUT:
            print_json(result)
            return
        _print(result)
        if json_file:
            write_json(result, Path(json_file))
            out.print(f"Result: {json_file}")


def _open_kit(settings: Settings) -> "Kit":
    from evals.triage import Kit  # noqa: PLC0415 - it takes seconds

    encoders = open_encoders(settings)
    if encoders.thorough is None:
        warn("Without the larger embedder: `frontdesk models pull` fetches it.")
    teacher = open_teacher(encoders)

    def put_together(classifier: "Classifier", effort: "Effort") -> "Cascade":
        return open_cascade(classifier, teacher, encoders, effort)

    return Kit(encoders, teacher, put_together)


def _read(train: Path, test: Path, out_of_scope: Path | None) -> "Trial":
    from commands.labelled import read_labelled  # noqa: PLC0415 - it takes seconds
    from evals.triage import LABEL, Trial  # noqa: PLC0415 - it takes seconds

    learnt, _, _ = read_labelled(train, (LABEL,), {})
    judged, _, _ = read_labelled(test, (LABEL,), {})
    beyond: list[str] = []
    if out_of_scope:
        beyond = [ticket.text for ticket in read_labelled(out_of_scope, (), {})[0]]
    return Trial(learnt, [row for row in judged if row.labels[LABEL]], beyond)


def _print(result: dict[str, Any]) -> None:
    title = f"triage · {result['n']} tickets · {result['trained_on']} learnt from"
    show_table(title, _list_figures(result))
    show_table(
        "accuracy by effort",
        (
            (name, f"{each['accuracy']:.1%}, {each['rows_per_s']:.0f} tickets a second")
            for name, each in result["by_effort"].items()
        ),
    )
    show_table(
        "decided by",
        (
            (name, f"{stage['share']:.1%} of tickets, {stage['accuracy']:.1%} right")
            for name, stage in result["stages"].items()
        ),
    )


def _list_figures(result: dict[str, Any]) -> Iterator[tuple[str, str]]:
    low, high = result["accuracy_interval"]
    yield "accuracy", f"{result['accuracy']:.1%}  (95 % from {low:.1%} to {high:.1%})"
    yield "macro-F1", f"{result['macro_f1']:.3f}"
    for share, right in result["accuracy_at_coverage"].items():
        yield f"surest {float(share):.0%}", f"{right:.1%}"
    yield "calibration error", f"{result['ece']:.3f}"
    scope = result["out_of_scope"]
    if scope:
        recall = scope["recall_at_95_in_scope"]
        yield "out of scope", f"AUROC {scope['auroc']:.3f}, {recall:.1%} found at 95 % kept"
