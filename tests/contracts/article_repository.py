"""What every ArticleRepository must do; subclass it where a `repository` fixture is at hand."""

import numpy as np
import pytest

from knowledge_base.articles import STAFF, Article, Passage
from knowledge_base.repository import ArticleRepository, StoredPassage


def make_stored(article_id: str, place: int) -> StoredPassage:
    passage = Passage(f"{article_id}#{place}", article_id, "Title", ("A", "B"), f"text {place}")
    vector = np.zeros(4, np.float32)
    vector[place % 4] = 1
    return StoredPassage(passage, vector)


def save(repository: ArticleRepository, article: Article, fingerprint: str, passages: int) -> None:
    stored = [make_stored(article.id, place) for place in range(passages)]
    repository.save_all([(article, fingerprint, stored)])


class ArticleRepositoryContract:
    def test_a_new_one_holds_nothing(self, repository: ArticleRepository) -> None:
        assert repository.generation() == 0
        assert repository.passages() == (0, [])
        assert repository.fingerprints() == {}
        assert repository.counts() == {}
        assert repository.article("a") is None

    def test_what_is_saved_is_read_back(self, repository: ArticleRepository) -> None:
        article = Article("a", "Title", "text — ü 🙂", STAFF)
        save(repository, article, "print", 2)
        generation, stored = repository.passages()
        assert generation == repository.generation() > 0
        assert [item.passage for item in stored] == [make_stored("a", i).passage for i in (0, 1)]
        assert stored[1].vector.dtype == np.float32
        np.testing.assert_array_equal(stored[1].vector, make_stored("a", 1).vector)
        assert repository.article("a") == article
        assert repository.fingerprints() == {"a": "print"}
        assert repository.counts() == {STAFF: 1}

    def test_a_changed_article_replaces_its_passages(self, repository: ArticleRepository) -> None:
        save(repository, Article("a", "Title", "old"), "old", 3)
        before = repository.generation()
        save(repository, Article("a", "Title", "new"), "new", 1)
        assert repository.generation() > before
        assert [item.passage.id for item in repository.passages()[1]] == ["a#0"]
        assert repository.fingerprints() == {"a": "new"}

    def test_passages_come_by_article_and_place(self, repository: ArticleRepository) -> None:
        for article_id in ("b", "a-c", "aB"):
            save(repository, Article(article_id, "Title", "x"), "print", 11)
        ids = [item.passage.id for item in repository.passages()[1]]
        assert ids == [f"{a}#{place}" for a in ("a-c", "aB", "b") for place in range(11)]

    def test_a_removed_article_is_gone_and_may_come_back(
        self, repository: ArticleRepository
    ) -> None:
        article = Article("a", "Title", "x")
        save(repository, article, "print", 1)
        save(repository, Article("b", "Title", "x"), "print", 1)
        before = repository.generation()
        repository.remove(["a"])
        assert repository.generation() > before
        assert list(repository.fingerprints()) == ["b"]
        assert [item.passage.article_id for item in repository.passages()[1]] == ["b"]
        save(repository, article, "print", 1)
        assert sorted(repository.fingerprints()) == ["a", "b"]

    def test_doing_nothing_changes_nothing(self, repository: ArticleRepository) -> None:
        repository.save_all([])
        repository.remove([])
        assert repository.generation() == 0

    @pytest.mark.parametrize("passages", [0, 1])
    def test_an_article_may_have_any_number_of_passages(
        self, repository: ArticleRepository, passages: int
    ) -> None:
        save(repository, Article("a", "Title", "x"), "print", passages)
        assert len(repository.passages()[1]) == passages
