import pytest

from api.storage.articles import SqlArticleRepository
from knowledge_base.repository import ArticleRepository
from tests.contracts.article_repository import ArticleRepositoryContract


class TestFakeArticleRepository(ArticleRepositoryContract):
    pass


class TestSqlArticleRepository(ArticleRepositoryContract):
    @pytest.fixture
    def repository(self, sql_repository: SqlArticleRepository) -> ArticleRepository:
        return sql_repository
