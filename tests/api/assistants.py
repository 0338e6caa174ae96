"""An assistant that does as it is told, and real services around it."""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from anyio import Event as Signal
from pydantic import SecretStr
from sqlalchemy import Engine

from agent.errors import FrontdeskError
from agent.events import Clarification, Done, Event, HandedOff, SentenceVerified, Sources
from agent.ports import Completion
from agent.state import Message, Outcome, Reason, Reply
from api.assembly import Services
from api.settings import Settings
from api.storage.articles import SqlArticleRepository
from api.storage.ledger import Ledger
from knowledge_base.articles import Ranking
from tests.api.replies import make_reply

SECRET = "a-secret-for-tests-of-more-than-32-bytes"


class FakeAssistant:
    """Answers with `reply`, or raises `error`; waits at `gate` after the sources if there is one.

    `asked` holds the turn ids; `left` is set when a turn is closed before its end.
    """

    def __init__(self) -> None:
        self.reply_with: Reply = make_reply()
        self.error: Exception | None = None
        self.gate: Signal | None = None
        self.left = Signal()
        self.asked: list[str] = []

    async def reply(
        self,
        conversation_id: str,
        turn_id: str,
        question: str,
        audience: str = "public",
        history: Sequence[Message] = (),
    ) -> AsyncIterator[Event]:
        assert conversation_id
        assert question
        assert audience == "public"
        assert not history
        self.asked.append(turn_id)
        ended = False
        try:
            yield Sources(sources=self.reply_with.sources)
            if self.gate:
                await self.gate.wait()
            if self.error:
                raise self.error
            for event in self._events():
                yield event
            yield Done(turn_id=turn_id, reply=self.reply_with)
            ended = True
        except FrontdeskError:
            ended = True
            raise
        finally:
            if not ended:
                self.left.set()

    def _events(self) -> list[Event]:
        reply = self.reply_with
        if reply.outcome is Outcome.CLARIFIED:
            return [Clarification(question=reply.text)]
        if reply.outcome is Outcome.HANDED_OFF:
            return [HandedOff(reason=Reason.ASKED_FOR_PERSON, text=reply.text)]
        return [SentenceVerified(sentence=sentence) for sentence in reply.sentences]


class FakeModel:
    name = "fake"
    sha256 = ""
    context_tokens = 4096

    async def stream(self, request: Completion) -> AsyncIterator[str]:
        yield request.messages[0]["content"]

    async def count_tokens(self, messages: Sequence[object]) -> int:
        return len(messages)


class FakeSearch:
    async def search(self, question: str, audience: str, limit: int) -> Ranking:
        assert audience
        assert limit
        return Ranking(question)


def make_settings(folder: Path) -> Settings:
    return Settings(data=folder, secret=SecretStr(SECRET), max_message_chars=200)


def make_services(
    engine: Engine, ledger: Ledger, assistant: FakeAssistant, settings: Settings
) -> Services:
    return Services(
        settings=settings,
        engine=engine,
        repository=SqlArticleRepository(engine),
        ledger=ledger,
        knowledge_base=FakeSearch(),
        model=FakeModel(),
        assistant=assistant,
        secret=SECRET,
    )
