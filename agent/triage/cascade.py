"""Duplicates first, then the classifier, then the language model, then a person."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from anyio import to_thread
from cachetools import LRUCache

from agent.state import Reason
from agent.triage.classifier import STAGES, Classifier, Encoders, Verdict
from agent.triage.costs import HEARING, Costs
from agent.triage.hearing import Teacher
from agent.triage.judging import Judge
from agent.triage.tickets import Ticket, fold_near, hash_near
from agent.triage.verdicts import Decision, Sense, Stage, Triage

REMEMBERED = 10_000
CANDIDATES = 5
QUOTED = 80
EXAMPLES = 3
# On 90 doubtful tickets of Banking77 the 1.5B model agreed with 46 % of the right guesses and with
# 22 % of the wrong ones: that it agrees doubles the odds.
AGREEMENT = 2.1


class Chooser(Protocol):
    """Chooses among categories where the classifier is unsure."""

    async def choose(
        self, text: str, candidates: Sequence[str], examples: Mapping[str, str]
    ) -> str | None:
        """Return one of the candidates, or None; `examples` has a ticket for some of them."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What the cascade works with. Without a `chooser`, doubtful tickets go to a person."""

    classifier: Classifier
    encoders: Encoders
    teacher: Teacher
    chooser: Chooser | None = None
    threshold: float | None = None
    now: Callable[[], float] = time.perf_counter


class Cascade:
    """Triages tickets, batch by batch; `costs` counts what its stages take."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._seen: LRUCache[str, Triage] = LRUCache(REMEMBERED)
        self.costs = Costs(parts.now)

    async def triage(self, tickets: Sequence[Ticket]) -> list[Triage]:
        """Return what is found out about each ticket, in order."""
        firsts: dict[str, int] = {}
        with self.costs.count(Stage.DUPLICATE, len(tickets)):
            keys = [fold_near(ticket.text) for ticket in tickets]
            for place, key in enumerate(keys):
                if key not in self._seen:
                    firsts.setdefault(key, place)
        fresh = await self._judge(list(firsts), [tickets[at].text for at in firsts.values()])
        found = dict(zip(firsts, fresh, strict=True))
        results = []
        for place, key in enumerate(keys):
            if firsts.get(key) == place:
                results.append(found[key])
            else:
                results.append(_repeat(found.get(key) or self._seen[key]))
        self._seen.update(found)
        return results

    async def _judge(self, keys: list[str], texts: list[str]) -> list[Triage]:
        classify = self._parts.classifier.classify
        verdicts = await to_thread.run_sync(classify, texts, self._parts.encoders, self.costs)
        with self.costs.count(HEARING, len(texts)):
            sounds = self._hear(verdicts)
            languages = await to_thread.run_sync(self._parts.teacher.languages.detect_all, texts)
        heard = [
            replace(self._decide(key, verdict, language), sentiment=sentiment, language=language)
            for key, verdict, sentiment, language in zip(
                keys, verdicts, sounds, languages, strict=True
            )
        ]
        return [
            await self._settle(text, verdict, triage)
            for text, verdict, triage in zip(texts, verdicts, heard, strict=True)
        ]

    def _hear(self, verdicts: Sequence[Verdict]) -> list[str]:
        """Return sentiments: the embedder's where it looked, else what words tell."""
        sounds = [verdict.sentiment for verdict in verdicts]
        seen = {row: each.vector for row, each in enumerate(verdicts) if each.vector is not None}
        if seen:
            judged = self._parts.teacher.sentiments.judge(np.stack(list(seen.values())))
            for row, sentiment in zip(seen, judged, strict=True):
                sounds[row] = sentiment
        return sounds

    async def _settle(self, text: str, verdict: Verdict, decided: Triage) -> Triage:
        with self.costs.count(HEARING, 0):
            screened = self._parts.teacher.screener.screen(text, verdict.vector)
        if decided.needs_person == Sense.UNSURE and self._parts.chooser:
            with self.costs.count(Stage.MODEL, 1):
                decided = await self._ask_model(text, verdict, decided)
        return replace(
            decided,
            sentiment="negative" if screened.reason == Reason.UPSET else decided.sentiment,
            needs_person=screened.reason or decided.needs_person,
        )

    def _decide(self, key: str, verdict: Verdict, language: str) -> Triage:
        ranked = {judge.label: self._rank(verdict, judge) for judge in self.judges}
        decisions = {
            judge.label: self._read_decision(ranked[judge.label], judge.threshold)
            for judge in self.judges
        }
        main = self.judges[0].label
        guess = decisions[main].guess
        stage, why = STAGES[verdict.depth], self._explain(verdict)
        if self._parts.classifier.known.exact.get(hash_near(key)) == guess:
            decisions[main] = Decision(guess, guess, 1.0)
            stage, why = Stage.DUPLICATE, "same words as a labelled ticket"
        elif language not in self._parts.classifier.languages:
            decisions = {label: replace(each, value="") for label, each in decisions.items()}
            return Triage(decisions, Stage.PERSON, why, verdict.belongs, Sense.LANGUAGE, ranked)
        elif not verdict.in_scope:
            decisions[main] = replace(decisions[main], value="")
            return Triage(decisions, Stage.PERSON, why, verdict.belongs, Sense.OUT_OF_SCOPE, ranked)
        if all(each.value for each in decisions.values()):
            return Triage(decisions, stage, why, verdict.belongs, "", ranked)
        return Triage(decisions, Stage.PERSON, why, verdict.belongs, Sense.UNSURE, ranked)

    @property
    def judges(self) -> tuple[Judge, ...]:
        """What judges each label column."""
        return self._parts.classifier.judges

    def _rank(self, verdict: Verdict, judge: Judge) -> tuple[tuple[str, float], ...]:
        chances = verdict.chances[judge.label]
        best = np.argsort(-chances, kind="stable")[:CANDIDATES].tolist()
        return tuple((judge.names[place], float(chances[place])) for place in best)

    def _read_decision(self, ranked: tuple[tuple[str, float], ...], least: float) -> Decision:
        guess, confidence = ranked[0]
        sure = confidence >= (least if self._parts.threshold is None else self._parts.threshold)
        return Decision(guess if sure else "", guess, confidence)

    def _explain(self, verdict: Verdict) -> str:
        known = self._parts.classifier.known
        return "like " + "; ".join(
            f"«{_shorten(known.texts[place])}» ({known.categories[place]}, {cosine:.2f})"
            for place, cosine in list(zip(verdict.nearest, verdict.cosines, strict=True))[:EXAMPLES]
        )

    async def _ask_model(self, text: str, verdict: Verdict, doubted: Triage) -> Triage:
        assert self._parts.chooser is not None
        decisions = dict(doubted.decisions)
        examples = self._pick_examples(verdict)
        for label, decision in doubted.decisions.items():
            if not decision.value:
                candidates = [name for name, _ in doubted.candidates[label]]
                chosen = await self._parts.chooser.choose(text, candidates, examples)
                decisions[label] = self._weigh(decision, label, agreed=chosen == decision.guess)
        if all(each.value for each in decisions.values()):
            why = f"the language model agrees; {doubted.why}"
            return replace(
                doubted, decisions=decisions, stage=Stage.MODEL, needs_person="", why=why
            )
        return replace(doubted, decisions=decisions)

    def _weigh(self, decision: Decision, label: str, *, agreed: bool) -> Decision:
        """Return a guess that the model agrees with or not, as sure as both together make it."""
        if not agreed:
            return decision
        odds = AGREEMENT * decision.confidence / max(1 - decision.confidence, 1e-9)
        judge = next(judge for judge in self.judges if judge.label == label)
        return self._read_decision(((decision.guess, odds / (1 + odds)),), judge.threshold)

    def _pick_examples(self, verdict: Verdict) -> dict[str, str]:
        known = self._parts.classifier.known
        picked: dict[str, str] = {}
        for place in verdict.nearest:
            picked.setdefault(known.categories[place], known.texts[place])
        return picked


def _repeat(first: Triage) -> Triage:
    if first.stage is Stage.PERSON:
        return first
    return replace(first, stage=Stage.DUPLICATE)


def _shorten(text: str) -> str:
    plain = " ".join(text.split())
    return plain if len(plain) <= QUOTED else plain[: QUOTED - 1] + "…"
