"""How many turns a minute a model answers for several customers at once, and how soon."""

import asyncio
import random
import time
from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

import numpy as np

from agent.ports import ChatModel, Completion
from agent.prompting import write_answer_messages
from evals.errors import EvalError
from evals.suites import Suite
from knowledge_base.articles import Article, Passage

SEED = 20261127
ZIPF = 1.1
LONGEST_PASSAGE = 1200
# Nothing is given up: a slow system is to show how slow it is.
PATIENCE_S = 1800.0
Result = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Turn:
    """A customer's question and the passages that hold the answer."""

    question: str
    passages: tuple[Passage, ...]

    def ask(self, company: str, tokens: int) -> Completion:
        """Return the request that the agent makes of it."""
        messages = write_answer_messages(company, self.question, self.passages)
        return Completion(messages, tokens, deadline_s=PATIENCE_S)


@dataclass(frozen=True, slots=True)
class Plan:
    """What is measured: different turns, how many customers at once, most new tokens a turn."""

    turns: Sequence[Turn]
    users: Sequence[int]
    tokens: int


@dataclass(frozen=True, slots=True)
class Load:
    """Which requests are made, one after the other by each of so many customers."""

    turns: Sequence[Turn]
    users: int
    tokens: int


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds to a turn's first piece of text, and how many pieces there were."""

    first_s: float
    pieces: int


def read_turns(suite: Suite, count: int) -> list[Turn]:
    """Return answerable turns with their sources, the same ones each time."""
    articles = {article.id: article for article in suite.articles}
    answerable = [case for case in suite.cases if case.expect == "answer" and case.relevant]
    if not answerable:
        raise EvalError("The suite has no case with expect = answer and relevant articles.")
    drawn = suite.sample(count, answerable)
    return [
        Turn(case.question, tuple(_to_passage(articles[name]) for name in case.relevant))
        for case in drawn
    ]


def _to_passage(article: Article) -> Passage:
    text = article.text[:LONGEST_PASSAGE]
    return Passage(f"{article.id}#0", article.id, article.title, (), text, article.audience)


def repeat_turns(turns: Sequence[Turn], count: int) -> list[Turn]:
    """Draw turns by a Zipf law: what the first asks is asked most often."""
    rng = random.Random(SEED)  # noqa: S311 - a sample
    weights = [1 / rank**ZIPF for rank in range(1, len(turns) + 1)]
    return rng.choices(list(turns), weights, k=count)


async def measure_system(
    model: ChatModel,
    name: str,
    plan: Plan,
    notify: Callable[[str, Result], None] = lambda _name, _result: None,
) -> Result:
    """Return the figures of a system, for each number of customers, cold and repeated.

    Each run's prompts begin with words of their own, so that nothing is left of the run before.
    """
    result: Result = {"cold": {}, "zipf": {}}
    repeated = repeat_turns(plan.turns, 2 * len(plan.turns))
    for several in plan.users:
        for kind, played in (("cold", plan.turns), ("zipf", repeated)):
            load = Load(played, several, plan.tokens)
            told = await _play(model, load, f"{kind} {several} {name}")
            result[kind][str(several)] = told
            notify(f"{name}, {kind}, {several} at once", told)
    return result


async def _play(model: ChatModel, load: Load, company: str) -> Result:
    waiting, timings = list(reversed(load.turns)), list[Timing]()

    async def visit() -> None:
        while waiting:
            request = waiting.pop().ask(company, load.tokens)
            timings.append(await time_request(model, request))

    begun = time.perf_counter()
    await asyncio.gather(*(visit() for _ in range(load.users)))
    seconds = time.perf_counter() - begun
    firsts = [timing.first_s for timing in timings]
    return {
        "turns_per_minute": 60 * len(timings) / seconds,
        "tokens_per_second": sum(timing.pieces for timing in timings) / seconds,
        "ttft_p50_s": float(np.quantile(firsts, 0.5)),
        "ttft_p95_s": float(np.quantile(firsts, 0.95)),
    }


async def time_request(model: ChatModel, request: Completion) -> Timing:
    """Return when a request's text began to come."""
    begun, first, pieces = time.perf_counter(), None, 0
    async with aclosing(model.stream(request)) as texts:  # type: ignore[type-var] # a generator
        async for _ in texts:
            first = first or time.perf_counter()
            pieces += 1
    return Timing((first or time.perf_counter()) - begun, pieces)
