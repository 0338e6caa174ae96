"""From a history of labelled tickets to a classifier."""

import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from agent.triage.cells import refuse_taken
from agent.triage.classifier import Classifier, Encoders, Known
from agent.triage.crossfit import OutOfFold, Sample, cross_fit, fit_views
from agent.triage.encoding import Encoder
from agent.triage.errors import TriageError
from agent.triage.features import Features
from agent.triage.hearing import Hearing, Teacher
from agent.triage.judging import (
    ALWAYS,
    STACKS,
    Judge,
    choose_escalation,
    choose_threshold,
)
from agent.triage.measures import (
    Guesses,
    draw_curve,
    draw_reliability,
    list_confusions,
    measure,
)
from agent.triage.scoping import learn_scope
from agent.triage.stacking import Stack
from agent.triage.tickets import Labelled, fold_near, hash_near
from agent.triage.views import Places, Words

MOST_TRAINED = 50_000
MOST_KNOWN = 4_000
TOLERANCE = 0.001
RARELY = 0.01
ACCURACY = 0.97
COMMON_THRESHOLD = 0.5
Notify = Callable[[str, int, int], None]
Descriptions = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class History:
    """What to learn from: tickets, label columns, and by column what each category means."""

    tickets: Sequence[Labelled]
    labels: tuple[str, ...]
    descriptions: Descriptions


def train(
    history: History,
    encoders: Encoders,
    teacher: Teacher,
    *,
    seed: int,
    notify: Notify = lambda *_: None,
) -> tuple[Classifier, dict[str, Any]]:
    """Train a judge for each label column; return the classifier and the held-out report.

    Raises TriageError if a column has fewer than two categories, or a name that results use.
    """
    refuse_taken(history.labels)
    tickets = _choose_tickets(history, seed)
    names = {label: _list_names(label, tickets, history) for label in history.labels}
    said = [(label, name, text) for label in names for name, text in _say(label, names, history)]
    texts = [*(ticket.text for ticket in tickets), *(text for _, _, text in said)]
    words = Words.fit(texts)
    features = _see(texts, words, encoders, notify)
    samples = {
        label: _sample(label, names[label], tickets, said, features) for label in history.labels
    }
    judges, reports = [], {}
    for place, label in enumerate(history.labels):
        notify("training", place, len(history.labels))
        kept, sample = samples[label]
        outside = cross_fit(sample)
        judge = _make_judge(label, names[label], sample, outside)
        judges.append(judge)
        reports[label] = _report(judge, sample, outside)
        if place == 0:
            scope = learn_scope(judge, sample, outside)
            exact = _list_exact(label, tickets)
            known = _keep_known([texts[row] for row in kept], judge, sample, exact)
    notify("training", len(history.labels), len(history.labels))
    hearing = Hearing.learn(texts, features.vectors[0], teacher)
    languages = _list_languages(teacher.languages.detect_all(texts))
    classifier = Classifier(words, hearing, tuple(judges), scope, known, languages)
    return classifier, {"trained_on": len(tickets), "labels": reports}


def _choose_tickets(history: History, seed: int) -> list[Labelled]:
    """Drop what says nothing and what says the same; draw a sample of very long histories."""
    seen, chosen = set(), []
    for ticket in history.tickets:
        given = tuple(ticket.labels.get(label, "") for label in history.labels)
        key = (fold_near(ticket.text), given)
        if key[0] and any(given) and key not in seen:
            seen.add(key)
            chosen.append(ticket)
    if len(chosen) > MOST_TRAINED:
        chosen = random.Random(seed).sample(chosen, MOST_TRAINED)  # noqa: S311 - a sample
    return chosen


def _list_names(label: str, tickets: Sequence[Labelled], history: History) -> tuple[str, ...]:
    given = {ticket.labels.get(label, "") for ticket in tickets} - {""}
    names = tuple(sorted(given | set(history.descriptions.get(label, {}))))
    if len(names) < 2:  # noqa: PLR2004 - a choice needs two
        raise TriageError(
            f"The label {label!r} has {len(names)} categories; at least two are needed. "
            "Is it the right column?"
        )
    return names


def _say(
    label: str, names: Mapping[str, tuple[str, ...]], history: History
) -> list[tuple[str, str]]:
    """Return each category with its name as words, and with its description."""
    described = history.descriptions.get(label, {})
    spoken = [(name, name.replace("_", " ").replace("-", " ")) for name in names[label]]
    return [*spoken, *((name, text) for name, text in described.items() if text.strip())]


def _see(texts: Sequence[str], words: Words, encoders: Encoders, notify: Notify) -> Features:
    vectors = (_encode(encoder, texts, notify) for encoder in encoders.list_all())
    return Features(words.read(texts), tuple(vectors))


def _encode(encoder: Encoder, texts: Sequence[str], notify: Notify) -> Any:  # noqa: ANN401
    done = 0

    def progress(more: int) -> None:
        nonlocal done
        done += more
        notify(encoder.name, done, len(texts))

    return encoder.encode(texts, progress)


def _sample(
    label: str,
    names: tuple[str, ...],
    tickets: Sequence[Labelled],
    said: Sequence[tuple[str, str, str]],
    features: Features,
) -> tuple[Places, Sample]:
    """Return the rows that have this label, and the sample that they make."""
    places = {name: place for place, name in enumerate(names)}
    given = [ticket.labels.get(label, "") for ticket in tickets]
    given += [name if column == label else "" for column, name, _ in said]
    kept = np.asarray([row for row, name in enumerate(given) if name], dtype=np.int64)
    classes = np.asarray([places[given[row]] for row in kept], dtype=np.int64)
    groups: dict[str, int] = {}
    texts = [ticket.text for ticket in tickets] + [text for _, _, text in said]
    grouped = [groups.setdefault(fold_near(texts[row]), len(groups)) for row in kept]
    inside = int((kept < len(tickets)).sum())
    sample = Sample(features.take(kept), classes, np.asarray(grouped), inside, len(names))
    return kept, sample


def _make_judge(
    label: str, names: tuple[str, ...], sample: Sample, outside: OutOfFold | None
) -> Judge:
    views = fit_views(sample, np.arange(sample.tickets))
    depths = len(views.linears)
    if outside is None:
        insisting = (ALWAYS,) * (depths - 1) + (0.0,)
        return Judge(label, names, views, STACKS[:depths], insisting, COMMON_THRESHOLD)
    truths = sample.classes[outside.rows]
    seen = [outside.views[: depth + 1] for depth in range(depths)]
    stacks = tuple(Stack.fit(each, truths) for each in seen)
    chances = [stack.judge(each) for stack, each in zip(stacks, seen, strict=True)]
    best = chances[-1]
    escalate = tuple(choose_escalation(each, best, truths, TOLERANCE) for each in chances[:-1])
    threshold = choose_threshold(best, truths, ACCURACY)
    return Judge(label, names, views, stacks, (*escalate, 0.0), threshold)


def _report(judge: Judge, sample: Sample, outside: OutOfFold | None) -> dict[str, Any]:
    counts = Counter(judge.names[place] for place in sample.classes[: sample.tickets])
    base: dict[str, Any] = {"categories": {name: counts[name] for name in judge.names}}
    if outside is None:
        return base | {"held_out": None}
    guesses = Guesses.read(judge.stacks[-1].judge(outside.views), sample.classes[outside.rows])
    held_out = measure(guesses) | {
        "curve": draw_curve(guesses),
        "reliability": draw_reliability(guesses),
        "confusions": list_confusions(guesses, judge.names),
    }
    return base | {"held_out": held_out, "threshold": judge.threshold, "escalate": judge.escalate}


def _list_languages(detected: Sequence[str]) -> tuple[str, ...]:
    """Return the languages of the history, without those that are most likely mistakes."""
    counts = Counter(detected)
    return tuple(name for name, rows in counts.items() if rows >= RARELY * len(detected))


def _list_exact(label: str, tickets: Sequence[Labelled]) -> dict[int, str]:
    """Return the categories of tickets whose words were always sorted into the same one."""
    found: dict[int, set[str]] = {}
    for ticket in tickets:
        if given := ticket.labels.get(label, ""):
            found.setdefault(hash_near(fold_near(ticket.text)), set()).add(given)
    return {key: next(iter(given)) for key, given in found.items() if len(given) == 1}


def _keep_known(
    texts: Sequence[str], judge: Judge, sample: Sample, exact: Mapping[int, str]
) -> Known:
    """Keep tickets to compare with: the categories' descriptions only where there is no ticket."""
    inside = np.arange(sample.tickets or len(texts))
    inside = inside[:: len(inside) // MOST_KNOWN + 1]
    return Known(
        tuple(texts[int(row)] for row in inside),
        tuple(judge.names[place] for place in sample.classes[inside]),
        sample.features.take(inside),
        exact,
    )
