from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine

from agent.state import Reason, Source
from api.storage.article_use import ArticleUse
from api.storage.articles import SqlArticleRepository
from knowledge_base.articles import STAFF, Article
from tests.api.desk.history import History, answer
from tests.contracts.article_repository import save

START = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)


def cite(article_id: str, place: int = 0, text: str = "Ten days.") -> Source:
    return Source(
        passage_id=f"{article_id}#{place}",
        article_id=article_id,
        title="Refunds",
        heading_path=[],
        text=text,
    )


@pytest.fixture
def history(database: Engine) -> History:
    told = History(database, START)
    told.hire()
    return told


@pytest.fixture
def repository(database: Engine, history: History) -> SqlArticleRepository:
    return SqlArticleRepository(database, lambda: history.now)


@pytest.fixture
def use(database: Engine) -> ArticleUse:
    return ArticleUse(database)


def test_articles_come_with_how_often_they_answered_helped_and_failed(
    history: History, repository: SqlArticleRepository, use: ArticleUse
) -> None:
    save(repository, Article("refunds", "Refunds", "Ten days."), "1", 1)
    save(repository, Article("limits", "Limits", "Fifty euros.", STAFF), "1", 1)
    helped = history.ask(history.start(), "a", answer([cite("refunds"), cite("refunds", 1)]))
    history.ledger.rate(helped.id, True)
    failed = history.ask(history.start(), "b", answer([cite("refunds")]))
    history.ledger.rate(failed.id, False)
    talk = history.start()
    history.ask(talk, "c", answer([cite("refunds"), cite("limits")]))
    history.hand_off(talk, "no!", Reason.UPSET)
    first, second = use.list_used(START)
    assert (first.id, first.cited, first.helped, first.failed) == ("refunds", 3, 1, 2)
    assert (second.id, second.cited, second.helped, second.failed) == ("limits", 1, 0, 1)
    assert (second.audience, second.version, second.changed_at) == (STAFF, 1, START)
    assert [(used.id, used.cited) for used in use.list_used(history.now)] == [
        ("limits", 0),
        ("refunds", 0),
    ]


def test_versions_and_the_turns_that_cited_them_are_kept(
    history: History, repository: SqlArticleRepository, use: ArticleUse
) -> None:
    save(repository, Article("refunds", "Refunds", "Ten days."), "1", 1)
    turn = history.ask(history.start(), "when?", answer([cite("refunds"), cite("other")]))
    save(repository, Article("refunds", "Refunds", "Five days."), "2", 2)
    changed = history.now
    versions = use.list_versions("refunds")
    assert [(v.version, v.text, v.withdrawn_at) for v in versions] == [
        (2, "Five days.", None),
        (1, "Ten days.", None),
    ]
    (citing,) = use.list_citing("refunds", changed)
    assert (citing.turn_id, citing.question) == (turn.id, "when?")
    assert citing.sources == (cite("refunds"),)
    assert use.list_citing("refunds", START.replace(hour=1)) == []
    assert [passage.id for passage in use.list_passages("refunds")] == ["refunds#0", "refunds#1"]
    assert use.read_stored() == {"refunds": changed}
    stored = [(s.article_id, s.version) for s in use.list_stored()]
    assert stored == [("refunds", 2), ("refunds", 1)]
    repository.remove(["refunds"])
    assert use.list_used(START) == []
    assert use.list_passages("refunds") == []
    assert use.list_versions("refunds")[0].withdrawn_at == changed
    assert use.list_versions("nothing") == []
