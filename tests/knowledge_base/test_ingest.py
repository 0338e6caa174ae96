import subprocess
import sys
from pathlib import Path

import pytest

from knowledge_base.articles import Article
from knowledge_base.errors import ImportRunning
from knowledge_base.ingest import Ingest, lock_index
from knowledge_base.search import KnowledgeBase
from knowledge_base.store import list_generations
from tests.fakes.articles import FakeArticleRepository
from tests.knowledge_base.conftest import Write
from tests.knowledge_base.fake_embedder import FakeEmbedder


def test_a_second_import_embeds_nothing(
    ingest: Ingest, embedder: FakeEmbedder, write: Write, folder: Path
) -> None:
    write("a.md", "# A\n\none")
    write("b.md", "# B\n\ntwo")
    first = ingest.import_paths([folder])
    assert (first.added, first.passages_embedded) == (["a", "b"], 2)
    embedder.encoded.clear()
    second = ingest.import_paths([folder])
    assert (second.added, second.unchanged) == ([], ["a", "b"])
    assert (embedder.encoded, second.passages_embedded) == ([], 0)
    assert second.generation == first.generation


@pytest.mark.parametrize(
    "change", ["# A\n\nnew", "# New\n\none", "---\naudience: vip\n---\n# A\n\none"]
)
def test_a_changed_article_replaces_its_passages(
    ingest: Ingest,
    repository: FakeArticleRepository,
    knowledge_base: KnowledgeBase,
    write: Write,
    change: str,
) -> None:
    folder = write("a.md", "# A\n\none").parent
    write("b.md", "# B\n\ntwo")
    ingest.import_paths([folder])
    write("a.md", change)
    report = ingest.import_paths([folder])
    assert (report.changed, report.unchanged, report.passages_embedded) == (["a"], ["b"], 1)
    knowledge_base.open()
    assert len(knowledge_base) == len(repository.passages()[1]) == 2
    found = [hit.passage for hit in knowledge_base.find("one new", "staff", 5).hits]
    assert repository.passages()[1][0].passage in found


def test_prune_removes_what_is_gone_and_only_when_asked(
    ingest: Ingest, repository: FakeArticleRepository, write: Write, folder: Path
) -> None:
    write("a.md", "one")
    gone = write("b.md", "two")
    ingest.import_paths([folder])
    gone.unlink()
    assert ingest.import_paths([folder]).removed == []
    assert ingest.import_paths([folder], prune=True).removed == ["b"]
    assert list(repository.fingerprints()) == ["a"]


def test_prune_removes_nothing_when_something_was_unreadable(
    ingest: Ingest, repository: FakeArticleRepository, write: Write, folder: Path
) -> None:
    write("a.md", "one")
    path = write("b.md", "two")
    ingest.import_paths([folder])
    path.write_bytes(b"\xff")
    report = ingest.import_paths([folder], prune=True)
    assert (report.removed, [item.path for item in report.unreadable]) == ([], [str(path)])
    assert report.prune_refused == "some of what was to be read could not be; mend that first"
    assert sorted(repository.fingerprints()) == ["a", "b"]


def test_prune_removes_nothing_when_the_folder_is_empty(
    ingest: Ingest, repository: FakeArticleRepository, write: Write, folder: Path, tmp_path: Path
) -> None:
    write("a.md", "one")
    ingest.import_paths([folder])
    (tmp_path / "wrong").mkdir()
    report = ingest.import_paths([tmp_path / "wrong"], prune=True)
    assert report.prune_refused.startswith("the paths hold no article")
    assert list(repository.fingerprints()) == ["a"]


def test_unreadable_files_do_not_keep_the_others_out(
    ingest: Ingest, write: Write, folder: Path
) -> None:
    write("a.md", "one")
    write("b.pdf", "no pdf")
    report = ingest.import_paths([folder])
    assert report.added == ["a"]
    assert [item.path for item in report.unreadable] == [str(folder / "b.pdf")]


def test_another_embedder_embeds_everything_anew_even_what_is_not_imported(
    repository: FakeArticleRepository, index_root: Path, write: Write
) -> None:
    first, second = write("a.md", "one"), write("b.md", "two")
    Ingest(repository, FakeEmbedder("old", 64), index_root).import_paths([first, second])
    other = FakeEmbedder("new", 128)
    report = Ingest(repository, other, index_root).import_paths([first])
    assert (report.changed, report.passages_embedded) == (["a"], 2)
    assert {item.vector.shape for item in repository.passages()[1]} == {(128,)}


def test_rebuild_makes_the_index_from_what_sql_holds_and_embeds_nothing(
    ingest: Ingest, embedder: FakeEmbedder, index_root: Path, write: Write, folder: Path
) -> None:
    write("a.md", "withdrawn words")
    generation = ingest.import_paths([folder]).generation
    write("a.md", "published words")
    ingest.import_paths([folder])
    embedder.encoded.clear()
    assert ingest.rebuild() == generation + 1
    assert embedder.encoded == []
    assert list_generations(index_root) == [generation + 1]
    texts = b"".join(path.read_bytes() for path in index_root.rglob("*") if path.is_file())
    assert b"published" in texts
    assert b"withdrawn" not in texts


def test_rebuild_embeds_what_another_embedder_made(
    repository: FakeArticleRepository, ingest: Ingest, index_root: Path, write: Write, folder: Path
) -> None:
    write("a.md", "one")
    Ingest(repository, FakeEmbedder("old", 64), index_root).import_paths([folder])
    assert ingest.rebuild() == 2
    assert {item.vector.shape for item in repository.passages()[1]} == {(256,)}


def test_the_generation_before_stays_for_a_server_that_reads_it(
    ingest: Ingest, index_root: Path, write: Write, folder: Path
) -> None:
    for text in ("one", "two", "three"):
        write("a.md", text)
        ingest.import_paths([folder])
    assert list_generations(index_root) == [3, 2]


def test_articles_go_in_by_batches_of_one_transaction_each(
    ingest: Ingest, repository: FakeArticleRepository, write: Write, folder: Path
) -> None:
    lines = [f'{{"id": "{number}", "text": "text {number}"}}' for number in range(70)]
    write("a.jsonl", "\n".join(lines))
    ingest.import_paths([folder])
    assert repository.generation() == 3
    assert repository.article("69") == Article("69", "", "text 69")


HOLD = """
import sys
from pathlib import Path
from knowledge_base.ingest import lock_index
with lock_index(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_second_importer_is_told_which_process_holds_the_lock(
    ingest: Ingest, index_root: Path, write: Write, folder: Path
) -> None:
    write("a.md", "one")
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(index_root)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        with pytest.raises(ImportRunning, match=f"Process {other.pid} is importing into"):
            ingest.import_paths([folder])
        other.kill()
    assert ingest.import_paths([folder]).added == ["a"]


def test_the_lock_is_free_after_an_error(index_root: Path) -> None:
    with pytest.raises(RuntimeError), lock_index(index_root):
        raise RuntimeError
    with lock_index(index_root):
        pass


def test_progress_is_told_by_stage(
    repository: FakeArticleRepository,
    embedder: FakeEmbedder,
    index_root: Path,
    write: Write,
    folder: Path,
) -> None:
    told: list[tuple[str, int, int]] = []
    write("a.md", "one")
    Ingest(repository, embedder, index_root, lambda *args: told.append(args)).import_paths([folder])
    assert told == [
        ("reading", 1, 0),
        ("embedding", 0, 1),
        ("embedding", 1, 1),
        ("indexing", 1, 1),
    ]
