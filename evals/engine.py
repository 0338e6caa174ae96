"""How many turns a minute a model answers for several customers at once, and how soon."""

from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from dataclasses import dataclass

from agent.ports import ChatModel, Completion
from agent.prompting import write_answer_messages
from evals.loads import PATIENCE_S, Notify, Result, run_loads
from evals.suites import Suite
from knowledge_base.articles import Article, Passage


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


def read_turns(suite: Suite, count: int, most: int) -> list[Turn]:
    """Return answerable turns, each with `most` characters of its sources, the same each time."""
    articles = {article.id: article for article in suite.articles}
    return [
        Turn(case.question, tuple(_cut_passages((articles[name] for name in case.relevant), most)))
        for case in suite.draw_answerable(count)
    ]


def _cut_passages(articles: Iterable[Article], most: int) -> Iterator[Passage]:
    for article in articles:
        if text := article.text[:most]:
            yield Passage(f"{article.id}#0", article.id, article.title, (), text, article.audience)
        most = max(0, most - len(text))


async def measure_system(
    model: ChatModel, name: str, plan: Plan, notify: Notify = lambda _load, _result: None
) -> Result:
    """Return the figures of a system, for each number of customers, cold and repeated."""

    def ask(turn: Turn, load: str) -> AsyncIterator[str]:
        return model.stream(turn.ask(f"{load}, {name}", plan.tokens))

    return await run_loads(ask, plan.turns, plan.users, notify)
