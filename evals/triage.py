"""How well triage sorts tickets: accuracy, calibration, coverage, stages, out of scope."""

import random
import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.metrics import roc_auc_score

from agent.triage.cascade import Cascade
from agent.triage.classifier import Classifier, Encoders
from agent.triage.effort import Effort
from agent.triage.hearing import Teacher
from agent.triage.measures import Guesses, draw_curve, draw_reliability, list_confusions, measure
from agent.triage.tickets import Labelled, Ticket
from agent.triage.training import History, Notify, train
from agent.triage.verdicts import Sense, Stage, Triage
from evals.errors import EvalError

LABEL = "category"
Result = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Trial:
    """What is learnt from, what is judged, and texts that belong to no category."""

    train: Sequence[Labelled]
    test: Sequence[Labelled]
    out_of_scope: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Kit:
    """What triage is made with; `open` puts a cascade together."""

    encoders: Encoders
    teacher: Teacher
    open: Callable[[Classifier, Effort], Cascade]


def draw_few(rows: Sequence[Labelled], each: int, seed: int) -> list[Labelled]:
    """Draw as many rows of each category, the same ones for the same seed."""
    rng = random.Random(seed)  # noqa: S311 - a sample
    by_name: dict[str, list[Labelled]] = {}
    for row in rows:
        by_name.setdefault(row.labels[LABEL], []).append(row)
    return [
        row
        for name in sorted(by_name)
        for row in rng.sample(by_name[name], min(each, len(by_name[name])))
    ]


async def evaluate_triage(
    trial: Trial, kit: Kit, effort: Effort, *, seed: int, notify: Notify
) -> Result:
    """Train on one file, judge the other, and measure. Raises EvalError on empty files."""
    if not trial.test:
        raise EvalError("The test file has no row with both text and category.")
    begun = time.perf_counter()
    history = History(trial.train, (LABEL,), {})
    classifier, report = train(history, kit.encoders, kit.teacher, seed=seed, notify=notify)
    trained = time.perf_counter() - begun
    by_effort = {}
    efforts = list(Effort) if kit.encoders.thorough else [Effort.QUICK]
    for each in efforts:
        by_effort[str(each)] = await _evaluate(trial, kit.open(classifier, each))
    chosen = effort if effort in efforts else Effort.QUICK
    return {
        **by_effort[str(chosen)],
        "effort": str(chosen),
        "by_effort": by_effort,
        "trained_on": report["trained_on"],
        "training_s": trained,
        "held_out": _leave_lists(report["labels"][LABEL]["held_out"]),
    }


def _leave_lists(held_out: Result | None) -> Result | None:
    lists = {"curve", "reliability", "confusions"}
    return held_out and {name: value for name, value in held_out.items() if name not in lists}


async def _evaluate(trial: Trial, cascade: Cascade) -> Result:
    begun = time.perf_counter()
    triaged = await cascade.triage(_number(row.text for row in trial.test))
    seconds = time.perf_counter() - begun
    judge = cascade.judges[0]
    guesses = _read_guesses(triaged, [row.labels[LABEL] for row in trial.test], judge.names)
    return {
        **measure(guesses),
        "curve": draw_curve(guesses),
        "reliability": draw_reliability(guesses),
        "confusions": list_confusions(guesses, judge.names),
        "threshold": judge.threshold,
        "stages": _share_stages(triaged, guesses),
        "rows_per_s": len(triaged) / seconds,
        "out_of_scope": await _measure_scope(triaged, cascade, trial.out_of_scope),
    }


def _number(texts: Iterable[str]) -> list[Ticket]:
    return [Ticket(row, str(row), text) for row, text in enumerate(texts, 1)]


def _read_guesses(
    triaged: Sequence[Triage], labels: Sequence[str], names: Sequence[str]
) -> Guesses:
    places = {name: place for place, name in enumerate(names)}
    decisions = [triage.decisions[LABEL] for triage in triaged]
    return Guesses(
        np.asarray([places[decision.guess] for decision in decisions]),
        np.asarray([decision.confidence for decision in decisions]),
        np.asarray([places.get(label, -1) for label in labels]),
    )


def _share_stages(triaged: Sequence[Triage], guesses: Guesses) -> dict[str, Result]:
    """Return rows, share and accuracy of each stage; of a person's, that of the best guess."""
    stages = np.asarray([str(triage.stage) for triage in triaged])
    return {
        str(stage): {
            "rows": int((stages == stage).sum()),
            "share": float((stages == stage).mean()),
            "accuracy": float(guesses.hits[stages == stage].mean()),
        }
        for stage in Stage
        if (stages == stage).any()
    }


async def _measure_scope(
    triaged: Sequence[Triage], cascade: Cascade, beyond: Sequence[str]
) -> Result | None:
    """Return how well tickets beyond all categories are told from the test's.

    Their recall is taken where 95 of 100 of the test's tickets are kept.
    """
    if not beyond:
        return None
    judged = await cascade.triage(_number(beyond))
    inside, outside = (np.asarray([each.belongs for each in rows]) for rows in (triaged, judged))
    belongs = np.repeat([1, 0], [len(inside), len(outside)])
    return {
        "n": len(outside),
        "auroc": float(roc_auc_score(belongs, np.concatenate([inside, outside]))),
        "recall_at_95_in_scope": float((outside < np.quantile(inside, 0.05)).mean()),
        "to_a_person": float(np.mean([each.stage is Stage.PERSON for each in judged])),
        "falsely_flagged": float(
            np.mean([each.needs_person == Sense.OUT_OF_SCOPE for each in triaged])
        ),
    }


def summarise_draws(draws: Sequence[Result]) -> Result:
    """Return mean and spread of the draws' figures, and the figures of each."""
    figures = {}
    for name in ("accuracy", "macro_f1", "ece"):
        values = [draw[name] for draw in draws]
        figures[name] = statistics.fmean(values)
        figures[f"{name}_stdev"] = statistics.stdev(values) if len(values) > 1 else 0.0
    shares = draws[0]["accuracy_at_coverage"]
    coverage = {
        share: statistics.fmean(draw["accuracy_at_coverage"][share] for draw in draws)
        for share in shares
    }
    kept = ("n", "accuracy", "macro_f1", "accuracy_at_coverage", "ece", "trained_on")
    each = [{name: draw[name] for name in kept} for draw in draws]
    return {**draws[-1], **figures, "accuracy_at_coverage": coverage, "draws": each}
