"""What programs may do with the knowledge base: search it, fetch an article, have it answer."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass

from anyio import to_thread
from pydantic import Field

from agent.events import Done
from agent.ports import Search
from agent.state import Message, Outcome, Reason, Sentence
from agent.verification.instructions import withhold
from api.assembly import Services
from api.interop.links import link_article
from api.interop.single_turns import SingleTurns
from api.metrics import Metrics
from api.schemas import Plain, Wire
from knowledge_base.articles import Article, Hit, Passage, may_read
from knowledge_base.repository import ArticleRepository

LONGEST = 4000


class ToolRefused(Exception):  # noqa: N818 - it reads as what happened
    """The tool can't be used so; the message says what to do instead."""


class SearchInput(Wire):
    """What to look for."""

    query: Plain = Field(min_length=1, max_length=LONGEST, description="A question or a few words.")
    limit: int = Field(5, ge=1, le=20, description="How many passages to return at most.")


class FetchInput(Wire):
    """Which article to read."""

    id: Plain = Field(
        min_length=1,
        max_length=1000,
        description="An article's id, or that of one of its passages.",
    )


class AnswerInput(Wire):
    """What the customer asks."""

    question: Plain = Field(
        min_length=1, max_length=LONGEST, description="The customer's question, in their own words."
    )
    history: list[Message] = Field(
        [], max_length=100, description="What was said before it, oldest first."
    )


class FoundPassage(Wire):
    """A passage that fits, with the id to cite it by."""

    id: str
    article_id: str
    title: str
    heading_path: list[str]
    text: str
    url: str
    audience: str = Field(description="`public`, or who alone may read it.")
    similarity: float = Field(description="How near it is to the query, at most 1.")


class SearchOutput(Wire):
    """The passages that fit best, best first."""

    results: list[FoundPassage]


class FetchOutput(Wire):
    """A whole article, in Markdown."""

    id: str
    title: str
    text: str
    url: str
    audience: str = Field(description="`public`, or who alone may read it.")


class CitedPassage(Wire):
    """A passage that was in hand while the reply was made."""

    id: str
    article_id: str
    title: str
    heading_path: list[str]
    text: str
    url: str


class AnswerOutput(Wire):
    """The agent's reply. Each sentence is supported by the passages whose ids it cites."""

    outcome: Outcome = Field(
        description="`answered`; `clarified`: the text asks back; `abstained`: the articles don't "
        "say; `handed_off`: a person has to see to it, and nobody has been told yet."
    )
    reason: Reason
    confidence: float
    language: str
    text: str
    sentences: list[Sentence]
    sources: list[CitedPassage]


@dataclass(frozen=True, slots=True)
class Toolbox:
    """The tools, for one audience."""

    search_engine: Search
    repository: ArticleRepository
    turns: SingleTurns
    metrics: Metrics
    audience: str
    article_url: str | None

    async def search(self, given: SearchInput) -> SearchOutput:
        """Find passages; instructions that are hidden in them are withheld."""
        found = await self.search_engine.search(given.query, self.audience, given.limit)
        return SearchOutput(results=[self._show_hit(hit) for hit in found.hits])

    async def fetch(self, given: FetchInput) -> FetchOutput:
        """Read an article; raises ToolRefused, for another audience's too."""
        article = await to_thread.run_sync(self._find, given.id)
        if article is None or not may_read(self.audience, article.audience):
            raise ToolRefused("There is no article of this id; `search` gives the ids there are.")
        whole = Passage(article.id, article.id, article.title, (), article.text, article.audience)
        return FetchOutput(
            id=article.id,
            title=article.title,
            text=withhold(whole).text,
            url=link_article(self.article_url, article.id),
            audience=article.audience,
        )

    async def answer(self, given: AnswerInput) -> AnswerOutput:
        """Have the agent reply; raises ModelBusy, ModelFailed or ModelUnusable."""
        if not given.question.strip():
            raise ToolRefused("The question is empty.")
        async with aclosing(self._run(given)) as dones:
            reply = [done.reply async for done in dones][-1]
        sources = [
            CitedPassage(
                id=source.passage_id,
                url=link_article(self.article_url, source.article_id),
                **source.model_dump(exclude={"passage_id"}),
            )
            for source in reply.sources
        ]
        kept = {"outcome", "reason", "confidence", "language", "text", "sentences"}
        return AnswerOutput(**reply.model_dump(include=kept), sources=sources)

    async def _run(self, given: AnswerInput) -> AsyncGenerator[Done]:
        turn = self.turns.run(given.question, self.audience, given.history, self.metrics)
        async with aclosing(turn) as events:
            async for event in events:
                if isinstance(event, Done):
                    yield event

    def _find(self, given: str) -> Article | None:
        # A passage's id is its article's with a number behind it.
        article_id = given.rpartition("#")[0]
        return self.repository.article(given) or self.repository.article(article_id)

    def _show_hit(self, hit: Hit) -> FoundPassage:
        passage = withhold(hit.passage)
        return FoundPassage(
            id=passage.id,
            article_id=passage.article_id,
            title=passage.title,
            heading_path=list(passage.heading_path),
            text=passage.text,
            url=link_article(self.article_url, passage.article_id),
            audience=passage.audience,
            similarity=round(hit.similarity, 4),
        )


def open_toolbox(services: Services, audience: str, metrics: Metrics) -> Toolbox:
    """Return the tools for an audience."""
    return Toolbox(
        search_engine=services.knowledge_base,
        repository=services.repository,
        turns=services.single_turns,
        metrics=metrics,
        audience=audience,
        article_url=services.settings.article_url,
    )
