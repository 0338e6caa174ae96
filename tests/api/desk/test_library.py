from pathlib import Path

import pytest

from api.desk.library import Library, Upload
from knowledge_base.articles import STAFF, Article
from knowledge_base.errors import ImportRunning
from knowledge_base.ingest import Ingest, lock_index
from knowledge_base.search import KnowledgeBase
from tests.fakes.articles import FakeArticleRepository
from tests.knowledge_base.fake_embedder import FakeEmbedder

COT = Article("desk/cot", "Cots", "Every home lends a cot.")


@pytest.fixture
def repository() -> FakeArticleRepository:
    return FakeArticleRepository()


@pytest.fixture
def knowledge_base(repository: FakeArticleRepository, tmp_path: Path) -> KnowledgeBase:
    opened = KnowledgeBase(repository, FakeEmbedder(), tmp_path / "index")
    opened.open()
    return opened


@pytest.fixture
def library(
    repository: FakeArticleRepository, knowledge_base: KnowledgeBase, tmp_path: Path
) -> Library:
    return Library(repository, FakeEmbedder(), tmp_path / "index", knowledge_base.refresh)


def test_an_article_is_found_as_soon_as_it_is_stored(
    library: Library, knowledge_base: KnowledgeBase
) -> None:
    assert library.store(COT).added == ["desk/cot"]
    assert library.find("desk/cot") == COT
    assert library.list_ids() == {"desk/cot"}
    hits = knowledge_base.find("a cot?", "public", 3).hits
    assert [hit.passage.article_id for hit in hits] == ["desk/cot"]
    knowledge_base.close()


def test_an_article_of_the_desk_outlives_an_import_that_prunes(
    library: Library, repository: FakeArticleRepository, tmp_path: Path
) -> None:
    library.store(COT)
    folder = tmp_path / "articles"
    folder.mkdir()
    (folder / "pets.md").write_text("# Pets\n\nDogs are welcome.")
    ingest = Ingest(repository, FakeEmbedder(), tmp_path / "index")
    assert ingest.import_paths([folder], prune=True).removed == []
    assert library.list_ids() == {"desk/cot", "pets"}


def test_files_go_in_and_each_error_names_its_file(library: Library) -> None:
    report = library.take_files(
        [
            Upload("../../pets.md", b"# Pets\n\nDogs are welcome."),
            Upload("C:\\help\\pool.html", b"<h1>Pool</h1><p>It is heated from May on.</p>"),
            Upload("rows.jsonl", b'{"id": "a", "text": "One."}\nbroken'),
            Upload("pets.txt", b"Cats too."),
            Upload("photo.png", b"\x89PNG"),
            Upload("empty.md", b" "),
        ],
        STAFF,
    )
    assert sorted(report.added) == ["a", "pets", "pool"]
    pets = library.find("pets")
    assert pets is not None
    assert pets.audience == STAFF
    reasons = {item.path: item.reason for item in report.unreadable}
    assert set(reasons) == {"rows.jsonl:2", "pets.txt", "photo.png", "empty.md"}
    assert reasons["pets.txt"].startswith("its id 'pets' is already taken by pets.md")
    assert library.take_files([Upload("photo.png", b"")]).added == []


def test_two_imports_do_not_run_at_once(library: Library, tmp_path: Path) -> None:
    with lock_index(tmp_path / "index"), pytest.raises(ImportRunning, match="wait until"):
        library.store(COT)
