import signal
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest

from api.storage.articles import SqlArticleRepository
from knowledge_base import chunking
from knowledge_base.articles import Article, Passage
from knowledge_base.fingerprints import make_fingerprint
from knowledge_base.ingest import BATCH, Ingest
from knowledge_base.search import KnowledgeBase
from tests.knowledge_base.conftest import Write
from tests.knowledge_base.fake_embedder import FakeEmbedder

ROOT = Path(__file__).parents[2]
ARTICLES = 3 * BATCH + 4


def write_articles(write: Write) -> None:
    for number in range(ARTICLES):
        section = f"Fact {number} of this article. " * 10
        write(f"a{number:03}.md", f"# Article {number}\n\n{section}\n\n## More\n\n{section}")


def import_and_die(tmp_path: Path, point: str, count: int) -> None:
    child = subprocess.run(
        [
            sys.executable,
            "-m",
            "tests.knowledge_base.killed_import",
            f"sqlite:///{tmp_path / 'frontdesk.sqlite'}",
            str(tmp_path / "articles"),
            str(tmp_path / "index"),
            point,
            str(count),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert child.returncode == -signal.SIGKILL, child.stderr


def check_no_half_article(repository: SqlArticleRepository, embedder: FakeEmbedder) -> int:
    kept: dict[str, list[Passage]] = defaultdict(list)
    for item in repository.passages()[1]:
        kept[item.passage.article_id].append(item.passage)
    prints = repository.fingerprints()
    assert sorted(kept) == sorted(prints)
    for article_id, fingerprint in prints.items():
        article = repository.article(article_id)
        assert isinstance(article, Article)
        assert fingerprint == make_fingerprint(article, embedder)
        assert kept[article_id] == chunking.split(article, embedder.count_tokens)
    return len(prints)


def check_index(repository: SqlArticleRepository, opened: KnowledgeBase) -> None:
    generation, stored = repository.passages()
    assert (opened.generation, len(opened)) == (generation, len(stored))
    for item in stored[:: len(stored) // 5]:
        hits = opened.find(item.passage.text, "public", len(stored)).hits
        assert item.passage in [hit.passage for hit in hits]


@pytest.mark.parametrize(
    ("point", "kept"),
    [
        (("reading", 50), 0),
        (("embedding", 2), 0),  # told of the first batch, then at the first encoding
        (("embedding", 4), BATCH),
        (("saving", 1), 0),
        (("saving", BATCH + 7), BATCH),
        (("saving", ARTICLES), 3 * BATCH),
        (("indexing", 1), ARTICLES),
    ],
)
def test_a_killed_import_leaves_no_half_article_and_goes_on(
    tmp_path: Path,
    write: Write,
    sql_repository: SqlArticleRepository,
    point: tuple[str, int],
    kept: int,
) -> None:
    write_articles(write)
    import_and_die(tmp_path, *point)
    embedder = FakeEmbedder()
    assert check_no_half_article(sql_repository, embedder) == kept

    index_root = tmp_path / "index"
    opened = KnowledgeBase(sql_repository, embedder, index_root)
    opened.open()
    assert len(opened) == len(sql_repository.passages()[1])
    embedder.encoded.clear()
    report = Ingest(sql_repository, embedder, index_root).import_paths([tmp_path / "articles"])
    assert (len(report.added), len(report.unchanged)) == (ARTICLES - kept, kept)
    assert len(embedder.encoded) == report.passages_embedded == 2 * (ARTICLES - kept)
    assert check_no_half_article(sql_repository, embedder) == ARTICLES

    opened.refresh()
    check_index(sql_repository, opened)
    opened.close()
    assert not list(index_root.glob(".draft-*"))


def test_a_changed_article_is_the_old_or_the_new_one_after_a_kill(
    tmp_path: Path, write: Write, sql_repository: SqlArticleRepository
) -> None:
    write_articles(write)
    embedder, index_root = FakeEmbedder(), tmp_path / "index"
    ingest = Ingest(sql_repository, embedder, index_root)
    ingest.import_paths([tmp_path / "articles"])
    for number in range(ARTICLES):
        write(f"a{number:03}.md", f"# Article {number}\n\nNow it is shorter.")
    import_and_die(tmp_path, "saving", BATCH + 7)
    assert check_no_half_article(sql_repository, embedder) == ARTICLES
    report = ingest.import_paths([tmp_path / "articles"])
    assert (len(report.changed), len(report.unchanged)) == (ARTICLES - BATCH, BATCH)
    vectors = np.stack([item.vector for item in sql_repository.passages()[1]])
    assert vectors.shape == (ARTICLES, embedder.dimensions)
