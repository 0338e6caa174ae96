"""The real model on the demo company's articles: the promises of the product, not its scores."""

import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from agent.assistant import Assistant
from agent.checkpoints import make_memory_checkpoints
from agent.decision.calibration import Calibration
from agent.decision.decider import Decider
from agent.events import Done, Event, Sources
from agent.language.detection import LinguaDetector
from agent.models.catalogue import by_role
from agent.models.local import LocalChatModel
from agent.ports import Deps
from agent.screening.screener import Screener
from agent.state import Outcome, Reply
from agent.verification.verifier import Verifier
from evals.phrases import find_said
from evals.traps import Trap, read_traps
from knowledge_base.embedding import SentenceTransformerEmbedder, ThreadedEncoder
from knowledge_base.ingest import Ingest
from knowledge_base.search import KnowledgeBase
from tests.fakes.articles import FakeArticleRepository

ROOT = Path(__file__).parents[2]
MODELS = Path("~/.cache/frontdesk/models").expanduser()
EMBEDDER = MODELS / "all-MiniLM-L6-v2"
REFUND = "I cancelled yesterday, when does my money come back to my card?"
# The rest of the 150 traps are asked by `frontdesk eval traps`.
FEW_TRAPS = slice(0, 50, 5)

pytestmark = [pytest.mark.model, pytest.mark.embedder]


@pytest.fixture(scope="module")
async def assistant(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Assistant]:
    answers = by_role("answers")
    path = answers.locate(MODELS)
    for needed in (path, EMBEDDER / "model.safetensors"):
        if not needed.exists():
            pytest.skip(f"{needed} is missing; get it with `frontdesk models pull`")
    embedder = SentenceTransformerEmbedder(EMBEDDER)
    search = open_knowledge(embedder, tmp_path_factory.mktemp("index"))
    model = LocalChatModel(path, answers.name, answers.sha256, clock=time)
    await model.start()
    deps = Deps(
        model=model,
        search=search,
        encoder=ThreadedEncoder(embedder),
        decider=Decider.load(),
        screener=Screener.load(),
        verifier=Verifier(["Larkstay"]),
        languages=LinguaDetector(),
        calibration=Calibration.load(),
        clock=time,
        company="Larkstay",
    )
    yield Assistant(deps, make_memory_checkpoints())
    await model.aclose()
    search.close()


def open_knowledge(embedder: SentenceTransformerEmbedder, folder: Path) -> KnowledgeBase:
    repository = FakeArticleRepository()
    Ingest(repository, embedder, folder).import_paths([ROOT / "articles"])
    search = KnowledgeBase(repository, embedder, folder)
    search.open()
    return search


async def ask(assistant: Assistant, question: str, conversation: str) -> list[Event]:
    return [event async for event in assistant.reply(conversation, "t1", question)]


async def read(assistant: Assistant, question: str, conversation: str = "") -> Reply:
    return read_reply(await ask(assistant, question, conversation or question))


def read_reply(events: list[Event]) -> Reply:
    assert isinstance(events[-1], Done)
    return events[-1].reply


async def test_when_the_money_comes_back_is_answered_from_the_right_article(
    assistant: Assistant,
) -> None:
    events = await ask(assistant, REFUND, "refund")
    assert isinstance(events[0], Sources)
    reply = read_reply(events)
    assert reply.outcome is Outcome.ANSWERED
    cited = {passage_id.split("#")[0] for s in reply.sentences for passage_id in s.citations}
    assert cited & {"where-is-my-refund", "refund-times"}
    assert "business days" in reply.text


@pytest.mark.parametrize(
    ("question", "outcome"),
    [
        ("Can I bring my dog?", Outcome.ABSTAINED),
        ("I want to talk to a person", Outcome.HANDED_OFF),
        ("it doesn't work", Outcome.CLARIFIED),
    ],
)
async def test_what_cannot_be_answered_ends_as_it_should(
    assistant: Assistant, question: str, outcome: Outcome
) -> None:
    assert (await read(assistant, question)).outcome is outcome


async def test_the_same_question_twice_gives_the_same_text(assistant: Assistant) -> None:
    first = await read(assistant, REFUND, "first")
    assert (await read(assistant, "How many co-hosts can a listing have?")).text
    second = await read(assistant, REFUND, "second")
    assert second.text == first.text
    assert second.sentences == first.sentences


@pytest.mark.parametrize("trap", read_traps()[FEW_TRAPS], ids=lambda trap: trap.id)
async def test_a_trap_is_not_walked_into(assistant: Assistant, trap: Trap) -> None:
    reply = await read(assistant, trap.question)
    assert find_said(reply.text, trap.must_not_say) == [], reply.text
    for sentence in reply.sentences:
        assert set(sentence.citations) <= {source.passage_id for source in reply.sources}
