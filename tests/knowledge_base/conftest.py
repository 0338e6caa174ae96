"""Articles, embedders and repositories for the tests of the knowledge base."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from api.storage.articles import SqlArticleRepository
from api.storage.database import migrate, open_database
from knowledge_base.embedding import SentenceTransformerEmbedder
from knowledge_base.ingest import Ingest
from knowledge_base.search import KnowledgeBase
from tests.fakes.articles import FakeArticleRepository
from tests.knowledge_base.fake_embedder import FakeEmbedder

MODEL = Path.home() / ".cache/frontdesk/models/all-MiniLM-L6-v2"

Write = Callable[..., Path]


@pytest.fixture
def embedder() -> FakeEmbedder:
    return FakeEmbedder()


@pytest.fixture
def repository() -> FakeArticleRepository:
    return FakeArticleRepository()


@pytest.fixture
def sql_repository(tmp_path: Path) -> Iterator[SqlArticleRepository]:
    engine = open_database(f"sqlite:///{tmp_path / 'frontdesk.sqlite'}")
    migrate(engine)
    yield SqlArticleRepository(engine)
    engine.dispose()


@pytest.fixture
def index_root(tmp_path: Path) -> Path:
    return tmp_path / "index"


@pytest.fixture
def ingest(repository: FakeArticleRepository, embedder: FakeEmbedder, index_root: Path) -> Ingest:
    return Ingest(repository, embedder, index_root)


@pytest.fixture
def knowledge_base(
    repository: FakeArticleRepository, embedder: FakeEmbedder, index_root: Path
) -> Iterator[KnowledgeBase]:
    opened = KnowledgeBase(repository, embedder, index_root)
    yield opened
    opened.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "articles"
    path.mkdir()
    return path


@pytest.fixture
def write(folder: Path) -> Write:
    def write(name: str, content: str | bytes) -> Path:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


@pytest.fixture(scope="session")
def real_embedder() -> SentenceTransformerEmbedder:
    if not (MODEL / "model.safetensors").exists():
        pytest.skip(f"no embedder in {MODEL}: `frontdesk models pull` fetches it")
    return SentenceTransformerEmbedder(MODEL)
