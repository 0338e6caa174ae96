"""What the desk's pages about articles, questions and numbers read and do."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

from fastapi import Depends

from api.dependencies import OpenServices
from api.desk.coverage import Coverage
from api.desk.earlier import SimilarConversations
from api.desk.grouping import QuestionGroups
from api.storage.article_use import ArticleUse
from api.storage.numbers import Numbers
from api.storage.questions import Questions

if TYPE_CHECKING:
    from agent.ports import Encoder, Search
    from api.desk.library import Library
    from api.storage.database import Engine


@dataclass(frozen=True, slots=True)
class Knowledge:
    """The parts, opened."""

    questions: Questions
    groups: QuestionGroups
    coverage: Coverage
    similar: SimilarConversations
    use: ArticleUse
    numbers: Numbers
    library: "Library"
    now: Callable[[], datetime]


def make_knowledge(
    engine: "Engine",
    search: "Search",
    encoder: "Encoder",
    library: "Library",
    now: Callable[[], datetime],
) -> Knowledge:
    """Put the parts together."""
    questions, use = Questions(engine), ArticleUse(engine)
    return Knowledge(
        questions=questions,
        groups=QuestionGroups(questions, encoder),
        coverage=Coverage(search, use),
        similar=SimilarConversations(questions, encoder),
        use=use,
        numbers=Numbers(engine, now),
        library=library,
        now=now,
    )


def read_knowledge(services: OpenServices) -> Knowledge:
    """Return the opened parts; raises NotReady."""
    return services.knowledge


OpenKnowledge = Annotated[Knowledge, Depends(read_knowledge)]
