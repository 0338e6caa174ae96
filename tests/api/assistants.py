"""An assistant that does as it is told, and real services around it."""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from anyio import Event as Signal
from argon2 import PasswordHasher
from pydantic import SecretStr
from sqlalchemy import Engine

from agent.errors import FrontdeskError
from agent.events import Clarification, Done, Event, HandedOff, SentenceVerified, Sources
from agent.lanes import Lane
from agent.ports import ChatMessage, Completion
from agent.rewording import Manner
from agent.state import Message, Outcome, Reason, Reply, Suggestion, Wish
from agent.triage.artefacts import Shelf
from api.assembly import Services, make_id
from api.desk.knowledge import Knowledge, make_knowledge
from api.desk.library import Library
from api.interop.single_turns import SingleTurns
from api.settings import Settings
from api.storage.api_keys import ApiKeys
from api.storage.articles import SqlArticleRepository, read_utc
from api.storage.handoffs import Handoffs
from api.storage.happenings import Happenings
from api.storage.ledger import Ledger
from api.storage.presence import Presence
from api.storage.settlements import Settlements
from api.storage.sites import Sites
from api.storage.staff import Staff
from api.storage.suggestions import Suggestions
from api.tickets.triager import Triager
from knowledge_base.articles import Ranking
from tests.agent.triage.histories import open_workshop
from tests.api.replies import make_reply
from tests.fakes.encoder import FakeEncoder
from tests.knowledge_base.fake_embedder import FakeEmbedder

# What makes passwords slow to guess makes tests slow.
QUICK = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
SECRET = "a-secret-for-tests-of-more-than-32-bytes"


class FakeAssistant:
    """Answers with `reply`, or raises `error`; waits at `gate` after the sources if there is one.

    `asked` holds the turn ids, `forgotten` those whose checkpoints were dropped; `left` is set
    when a turn is closed before its end.
    """

    def __init__(self) -> None:
        self.reply_with: Reply = make_reply()
        self.error: Exception | None = None
        self.gate: Signal | None = None
        self.left = Signal()
        self.asked: list[str] = []
        self.forgotten: list[str] = []
        self.wishes: list[Wish | None] = []
        self.resumed: dict[str, tuple[str, str]] = {}
        self.suggestion = Suggestion(
            outcome=self.reply_with.outcome,
            text=self.reply_with.text,
            sentences=self.reply_with.sentences,
            sources=self.reply_with.sources,
            internal=[],
        )
        self.suggested: list[tuple[str, list[Message]]] = []
        self.reworded: str | None = "Reworded."

    async def reply(  # noqa: PLR0913, PLR0917 - as the real one
        self,
        conversation_id: str,
        turn_id: str,
        question: str,
        audience: str = "public",
        history: Sequence[Message] = (),
        wish: Wish | None = None,
    ) -> AsyncIterator[Event]:
        self.wishes.append(wish)
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

    def stay_silent(self, turn_id: str, question: str) -> Sequence[Event]:
        assert question
        silence = {"outcome": Outcome.HANDED_OFF, "reason": Reason.WITH_PERSON, "text": ""}
        reply = self.reply_with.model_copy(update={**silence, "sentences": [], "sources": []})
        return (HandedOff(reason=Reason.WITH_PERSON, text=""), Done(turn_id=turn_id, reply=reply))

    async def resume(
        self, conversation_id: str, message_id: str, text: str, asked: str = ""
    ) -> None:
        assert conversation_id
        self.resumed.setdefault(message_id, (text, asked))

    async def suggest(
        self, question: str, history: Sequence[Message] = (), lane: Lane = Lane.DESK
    ) -> Suggestion:
        del lane
        self.suggested.append((question, list(history)))
        if self.error:
            raise self.error
        return self.suggestion

    async def summarise(self, conversation: Sequence[Message]) -> str:
        return f"{len(conversation)} messages, about a refund."

    async def reword(self, text: str, manner: Manner) -> str | None:
        assert text
        assert manner
        return self.reworded

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

    async def count_tokens(self, messages: Sequence[ChatMessage]) -> int:
        return sum(3 + len(message["content"].split()) for message in messages)


class FakeSearch:
    async def search(self, question: str, audience: str, limit: int) -> Ranking:
        assert audience
        assert limit
        return Ranking(question)


def make_settings(folder: Path) -> Settings:
    return Settings(data=folder, secret=SecretStr(SECRET), max_message_chars=200)


def make_fake_knowledge(engine: Engine, settings: Settings) -> Knowledge:
    """Return real parts around a fake embedder; nothing is searched, so nothing is refreshed."""
    embedder = FakeEmbedder()
    library = Library(SqlArticleRepository(engine), embedder, settings.index_root, lambda: False)
    return make_knowledge(engine, FakeSearch(), FakeEncoder(), library, read_utc)


def make_services(
    engine: Engine, ledger: Ledger, assistant: FakeAssistant, settings: Settings
) -> Services:
    return Services(
        settings=settings,
        engine=engine,
        repository=SqlArticleRepository(engine),
        ledger=ledger,
        handoffs=Handoffs(engine, ledger._now, make_id),
        suggestions=Suggestions(engine, ledger._now, make_id),
        happenings=Happenings(engine),
        presence=Presence(engine, ledger._now),
        staff=Staff(engine, ledger._now, make_id, QUICK),
        sites=Sites(engine, ledger._now, make_id),
        api_keys=ApiKeys(engine, ledger._now, make_id),
        knowledge_base=FakeSearch(),
        model=FakeModel(),
        assistant=assistant,
        single_turns=SingleTurns(assistant, assistant.forgotten.append, make_id),
        secret=SECRET,
        knowledge=make_fake_knowledge(engine, settings),
        triager=Triager(lambda: Shelf(settings.data / "triage"), open_workshop),
        settlements=Settlements(engine, read_utc, make_id),
    )
