from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sklearn.metrics import adjusted_rand_score
from sqlalchemy import Engine

from agent.state import Reason
from api.desk.coverage import Coverage, Covering
from api.desk.earlier import SimilarConversations
from api.desk.grouping import QuestionGroups, group_by_meaning
from api.storage.article_use import ArticleUse
from api.storage.articles import SqlArticleRepository
from api.storage.questions import Lack, Questions, Unanswered
from knowledge_base.articles import Article, Hit, Passage
from knowledge_base.embedding import SentenceTransformerEmbedder
from tests.api.desk.history import History
from tests.contracts.article_repository import save
from tests.fakes.encoder import FakeEncoder
from tests.fakes.search import FakeSearch

TOPICS = Path(__file__).with_name("topics.txt")
MODEL = Path.home() / ".cache/frontdesk/models/all-MiniLM-L6-v2"
START = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)


def make_open(number: int, question: str) -> Unanswered:
    moment = START + timedelta(minutes=number)
    return Unanswered(f"t{number}", f"c{number}", question, moment, Lack.ABSTAINED, "en")


@pytest.mark.embedder
def test_topics_are_told_apart() -> None:
    if not (MODEL / "model.safetensors").exists():
        pytest.skip(f"no embedder in {MODEL}: `frontdesk models pull` fetches it")
    topics = [part.split("\n") for part in TOPICS.read_text().strip().split("\n\n")]
    asked = [(number, text) for number, topic in enumerate(topics) for text in topic]
    questions = [make_open(place, text) for place, (_, text) in enumerate(asked)]
    vectors = SentenceTransformerEmbedder(MODEL).encode([q.question for q in questions])
    groups = group_by_meaning(questions, vectors)
    found = {q.turn_id: place for place, group in enumerate(groups) for q in group.questions}
    labels = [found[question.turn_id] for question in questions]
    assert adjusted_rand_score([number for number, _ in asked], labels) > 0.75


async def test_like_questions_are_one_group(database: Engine) -> None:
    history, encoder = History(database, START), FakeEncoder()
    talk = history.start()
    history.abstain(talk, "Is the swimming pool heated?")
    history.abstain(talk, "Is the pool heated?")
    history.abstain(history.start(), "Is the pool heated in April?", "de")
    cot = history.abstain(history.start(), "Do you lend baby cots?")
    groups = QuestionGroups(Questions(database), encoder)
    pool, cots = await groups.list(START)
    assert pool.representative.question == "Is the pool heated?"
    assert (pool.count, len(pool.questions), pool.languages) == (2, 3, ["en", "de"])
    assert pool.lacks == [("abstained", 3)]
    assert pool.last_seen == pool.questions[0].asked_at < cots.last_seen
    assert await groups.find(cot.id, START) == cots
    assert await groups.find("nothing", START) is None
    assert len(encoder.encoded) == 4
    history.abstain(history.start(), "Baby cots?")
    assert [group.count for group in await groups.list(START)] == [2, 2]


async def test_no_questions_are_no_groups(database: Engine) -> None:
    assert await QuestionGroups(Questions(database), FakeEncoder()).list(START) == []


async def test_similar_conversations_are_those_that_a_person_resolved(database: Engine) -> None:
    history = History(database, START)
    history.hire()
    told = [("Is the pool heated?", "From May on."), ("A cot?", "Ask the host.")]
    for question, reply in [*told, ("Pool heated?", "From May on.")]:
        handoff = history.hand_off(history.start(), question, Reason.ABSTAINED_TWICE)
        history.write(handoff, reply)
    similar = SimilarConversations(Questions(database), FakeEncoder())
    here = history.start()
    assert await similar.find(here) == []
    history.abstain(here, "Is the pool heated in April?")
    (found,) = await similar.find(here)
    assert found.resolved.answer == "From May on."
    assert found.similarity > 0.55
    assert found.resolved.conversation_id != here


async def test_groups_are_covered_by_what_came_in_since(database: Engine) -> None:
    history = History(database, START)
    pool = history.abstain(history.start(), "Is the pool heated?")
    history.abstain(history.start(), "Do you lend baby cots?")
    groups = await QuestionGroups(Questions(database), FakeEncoder()).list(START)
    passage = Passage("pool#0", "pool", "The pool", (), "It is heated.")
    near, far = Hit(passage, 1.0, 0.8, 1.0, 1.0), Hit(passage, 1.0, 0.2, 1.0, 1.0)
    search = FakeSearch([far], {pool.question: [near]})
    coverage = Coverage(search, ArticleUse(database))
    assert await coverage.find(groups) == {}
    assert search.asked == []
    save(SqlArticleRepository(database, lambda: START), Article("pool", "The pool", "x"), "1", 1)
    assert await coverage.find(groups) == {}
    later = SqlArticleRepository(database, lambda: history.now + timedelta(days=1))
    save(later, Article("pool", "The pool", "It is heated."), "2", 1)
    assert await coverage.find(groups) == {pool.id: Covering("pool", "The pool")}
    assert await coverage.find(groups) == {pool.id: Covering("pool", "The pool")}
    assert len(search.asked) == 2
