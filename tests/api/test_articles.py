from collections.abc import Callable

import numpy as np
import pytest
from sqlalchemy import Engine, select
from sqlalchemy.exc import SQLAlchemyError

from api.storage.articles import SqlArticleRepository
from api.storage.database import migrate, read_from
from api.storage.tables import article_versions
from knowledge_base.articles import Article, Passage
from knowledge_base.repository import ArticleRepository, StoredPassage
from tests.fakes.articles import FakeArticleRepository


def make_passage(article_id: str, place: int) -> StoredPassage:
    text = f"{article_id} passage {place}"
    passage = Passage(f"{article_id}#{place}", article_id, "Title", ("A", "B"), text)
    return StoredPassage(passage, np.arange(4, dtype=np.float32) + place)


def save(repository: ArticleRepository, article_id: str, passages: int, text: str = "x") -> None:
    stored = [make_passage(article_id, place) for place in range(passages)]
    repository.save_all([(Article(article_id, "Title", text), f"print-{text}", stored)])


@pytest.fixture(params=["fake", "sqlite", "postgresql"])
def repository(
    request: pytest.FixtureRequest, open_empty: Callable[[str], Engine]
) -> ArticleRepository:
    if request.param == "fake":
        return FakeArticleRepository()
    engine = open_empty(request.param)
    migrate(engine)
    return SqlArticleRepository(engine)


def test_a_new_repository_is_empty(repository: ArticleRepository) -> None:
    assert repository.generation() == 0
    assert repository.passages() == (0, [])
    assert repository.fingerprints() == {}
    assert repository.counts() == {}
    assert repository.article("a") is None


def test_what_is_saved_is_found_again(repository: ArticleRepository) -> None:
    article = Article("a", "Title", "text", "staff")
    repository.save_all([(article, "print", [make_passage("a", 0)])])
    generation, stored = repository.passages()
    assert generation == repository.generation() == 1
    assert repository.article("a") == article
    assert repository.fingerprints() == {"a": "print"}
    assert repository.counts() == {"staff": 1}
    assert stored[0].passage == make_passage("a", 0).passage
    assert stored[0].vector.dtype == np.float32
    np.testing.assert_array_equal(stored[0].vector, make_passage("a", 0).vector)


def test_passages_come_by_article_and_place(repository: ArticleRepository) -> None:
    save(repository, "b", 2)
    save(repository, "a-c", 1)
    save(repository, "aB", 11)
    ids = [stored.passage.id for stored in repository.passages()[1]]
    assert ids == ["a-c#0", *[f"aB#{i}" for i in range(11)], "b#0", "b#1"]


def test_a_changed_article_replaces_its_passages(repository: ArticleRepository) -> None:
    save(repository, "a", 3, "old")
    save(repository, "a", 1, "new")
    assert len(repository.passages()[1]) == 1
    assert repository.fingerprints() == {"a": "print-new"}
    assert repository.generation() == 2


def test_a_removed_article_is_not_found(repository: ArticleRepository) -> None:
    save(repository, "a", 1)
    save(repository, "b", 1)
    repository.remove(["a"])
    assert [stored.passage.article_id for stored in repository.passages()[1]] == ["b"]
    assert repository.article("a") is None
    assert repository.generation() == 3


def test_nothing_to_save_changes_nothing(repository: ArticleRepository) -> None:
    repository.save_all([])
    repository.remove([])
    assert repository.generation() == 0


def test_every_version_is_kept(database: Engine) -> None:
    repository = SqlArticleRepository(database)
    save(repository, "a", 1, "old")
    save(repository, "a", 1, "new")
    repository.remove(["a"])
    save(repository, "a", 1, "back")
    rows = select(
        article_versions.c.version, article_versions.c.text, article_versions.c.withdrawn_at
    ).order_by(article_versions.c.version)
    with read_from(database) as connection:
        kept = [(v, text, at is not None) for v, text, at in connection.execute(rows)]
    assert kept == [(1, "old", False), (2, "new", True), (3, "back", False)]


def test_a_batch_goes_in_whole_or_not_at_all(database: Engine) -> None:
    repository = SqlArticleRepository(database)
    same = make_passage("a", 0)
    batch = [(Article(name, "Title", "x"), "print", [same]) for name in ("a", "b")]
    with pytest.raises(SQLAlchemyError):
        repository.save_all(batch)
    assert repository.passages() == (0, [])
    assert repository.fingerprints() == {}
