import shutil
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from knowledge_base import chunking
from knowledge_base.articles import PUBLIC, STAFF, Article, Passage, Ranking
from knowledge_base.embedding import SentenceTransformerEmbedder, read_embedded_text
from knowledge_base.errors import EmbedderChanged
from knowledge_base.fingerprints import make_fingerprint
from knowledge_base.ingest import Ingest, lock_index
from knowledge_base.lexical import LexicalIndex
from knowledge_base.repository import StoredPassage
from knowledge_base.search import KnowledgeBase, fuse
from knowledge_base.store import Found
from tests.fakes.articles import FakeArticleRepository
from tests.knowledge_base.fake_embedder import FakeEmbedder

Texts = dict[str, tuple[str, str]]


def fill(repository: FakeArticleRepository, embedder: FakeEmbedder, texts: Texts) -> None:
    batch = []
    for article_id, (text, audience) in texts.items():
        article = Article(article_id, "", text, audience)
        passages = chunking.split(article, embedder.count_tokens)
        vectors = embedder.encode([read_embedded_text(p) for p in passages])
        stored = [StoredPassage(p, v) for p, v in zip(passages, vectors, strict=True)]
        batch.append((article, make_fingerprint(article, embedder), stored))
    repository.save_all(batch)


HELP: Texts = {
    "refunds": ("Refunds go back to the card within five days.", PUBLIC),
    "towels": ("You can bring your own towels.", PUBLIC),
    "goodwill": ("Refunds out of goodwill go up to 50 euros.", STAFF),
    "gold": ("Gold hosts get refunds of the fee.", "gold"),
}


@pytest.fixture
def filled(
    repository: FakeArticleRepository, embedder: FakeEmbedder, knowledge_base: KnowledgeBase
) -> KnowledgeBase:
    fill(repository, embedder, HELP)
    knowledge_base.open()
    return knowledge_base


def ids(ranking: Ranking) -> list[str]:
    return [hit.passage.article_id for hit in ranking.hits]


async def test_the_best_passage_comes_first(filled: KnowledgeBase) -> None:
    ranking = await filled.search("when do refunds go back to my card", PUBLIC, 5)
    assert ids(ranking)[0] == "refunds"
    assert (ranking.question, ranking.generation) == ("when do refunds go back to my card", 1)
    scores = [hit.score for hit in ranking.hits]
    assert scores == sorted(scores, reverse=True)


@pytest.mark.parametrize(
    ("audience", "readable"),
    [
        (PUBLIC, {"refunds", "towels"}),
        (STAFF, set(HELP)),
        ("gold", {"refunds", "towels", "gold"}),
        ("unheard of", {"refunds", "towels"}),
        ("", {"refunds", "towels"}),
    ],
)
def test_everybody_finds_what_is_theirs(
    filled: KnowledgeBase, audience: str, readable: set[str]
) -> None:
    assert set(ids(filled.find("refunds", audience, 10))) == readable


def test_every_hit_carries_its_own_evidence(
    filled: KnowledgeBase, repository: FakeArticleRepository, embedder: FakeEmbedder
) -> None:
    question = "refunds on my card, or a dog"
    vector = embedder.encode([question])[0]
    stored = repository.passages()[1]
    lexical = LexicalIndex.build([item.passage for item in stored])
    scores = lexical.score(question, np.ones(len(stored), np.bool_))
    expected = {
        item.passage.id: (item.passage, float(item.vector @ vector), float(score))
        for item, score in zip(stored, scores, strict=True)
    }
    hits = filled.find(question, STAFF, 10).hits
    assert len(hits) == len(HELP)
    for hit in hits:
        passage, similarity, score = expected[hit.passage.id]
        assert hit.passage == passage
        assert hit.similarity == pytest.approx(similarity, abs=1e-5)
        assert hit.lexical == pytest.approx(score, abs=1e-5)
        assert hit.coverage == pytest.approx(lexical.cover(question, passage))


@pytest.mark.parametrize(
    ("one", "many", "asker"), [(STAFF, PUBLIC, PUBLIC), (PUBLIC, STAFF, PUBLIC), ("a", "b", "a")]
)
def test_one_article_among_ten_thousand_is_kept_apart(
    repository: FakeArticleRepository,
    knowledge_base: KnowledgeBase,
    one: str,
    many: str,
    asker: str,
) -> None:
    question = "may the host see my card"
    others = {f"n{i}": (f"the host may see card number {i}", many) for i in range(10_000)}
    fill(repository, FakeEmbedder(), others | {"one": (question, one)})
    knowledge_base.open()
    found = ids(knowledge_base.find(question, asker, 8))
    if one in {PUBLIC, asker}:
        assert found == ["one"]
    else:
        assert len(found) == 8
        assert "one" not in found
        assert ids(knowledge_base.find(question, STAFF, 8))[0] == "one"


@pytest.mark.parametrize(
    "question",
    [
        "",
        "  \n",
        "?",
        "🙂🙃",
        "日本語で返金",
        "استرداد",
        "a" * 10_000,
        "refund " * 2_000,
        "\x00",
        "\ud800",
    ],
)
def test_no_question_raises(filled: KnowledgeBase, question: str) -> None:
    ranking = filled.find(question, PUBLIC, 5)
    assert ranking.question == question
    assert set(ids(ranking)) <= {"refunds", "towels"}


@pytest.mark.parametrize("limit", [-1, 0, 1, 2, 1000])
def test_there_are_never_more_hits_than_asked_for(filled: KnowledgeBase, limit: int) -> None:
    assert len(filled.find("refunds", PUBLIC, limit).hits) == min(max(limit, 0), 2)


def test_fusing_weighs_each_search_by_its_own_best() -> None:
    passage = Passage("p", "a", "", (), "")
    found = {
        "both": Found(passage, 0.5, 8.0),
        "near": Found(passage, 0.5, 0.0),
        "alike": Found(passage, -0.2, 4.0),
    }
    assert fuse(found) == pytest.approx({"both": 1.0, "near": 0.5, "alike": 0.25})
    assert fuse({"a": Found(passage, -0.1, 0.0)}) == {"a": 0.0}
    assert fuse({}) == {}


def test_an_empty_knowledge_base_finds_nothing(knowledge_base: KnowledgeBase) -> None:
    assert knowledge_base.find("refunds", PUBLIC, 5) == Ranking("refunds", (), 0)
    knowledge_base.open()
    assert knowledge_base.find("refunds", PUBLIC, 5) == Ranking("refunds", (), 0)
    assert knowledge_base.refresh() is False


def test_a_missing_index_is_built_from_sql(filled: KnowledgeBase, index_root: Path) -> None:
    filled.close()
    shutil.rmtree(index_root)
    filled.open()
    assert ids(filled.find("refunds", PUBLIC, 1)) == ["refunds"]


@pytest.mark.parametrize(
    "victim",
    ["places.json", "chroma/chroma.sqlite3", "chroma/*/*.bin", "lexical/*", "chroma", "lexical"],
)
@pytest.mark.parametrize("harm", ["emptied", "garbled", "deleted"])
def test_a_damaged_index_is_built_anew(
    filled: KnowledgeBase, index_root: Path, victim: str, harm: str
) -> None:
    filled.close()
    for path in sorted((index_root / "gen-1").glob(victim)):
        if path.is_dir():
            shutil.rmtree(path)
        elif harm == "deleted":
            path.unlink()
        else:
            path.write_bytes(b"" if harm == "emptied" else b"\xffjunk" * 200)
    filled.open()
    assert len(filled) == len(HELP)
    assert ids(filled.find("refunds on my card", PUBLIC, 1)) == ["refunds"]
    assert filled.find("refunds on my card", PUBLIC, 1).hits[0].similarity > 0.3


def test_refresh_moves_on_to_what_another_process_imported(
    filled: KnowledgeBase, repository: FakeArticleRepository
) -> None:
    assert filled.refresh() is False
    repository.remove(["refunds"])
    assert ids(filled.find("refunds", PUBLIC, 1)) == ["refunds"]
    assert filled.refresh() is True
    assert (filled.generation, len(filled)) == (2, 3)
    assert "refunds" not in ids(filled.find("refunds", PUBLIC, 10))


def test_while_an_import_runs_the_old_index_serves_on(
    filled: KnowledgeBase,
    repository: FakeArticleRepository,
    embedder: FakeEmbedder,
    index_root: Path,
) -> None:
    repository.remove(["refunds"])
    other = KnowledgeBase(repository, embedder, index_root)
    with lock_index(index_root):
        assert filled.refresh() is False
        other.open()
        assert (filled.generation, other.generation) == (1, 1)
    assert filled.refresh() is True
    assert other.refresh() is True
    other.close()


def test_vectors_of_another_embedder_are_refused_and_rebuild_mends_it(
    filled: KnowledgeBase, repository: FakeArticleRepository, index_root: Path
) -> None:
    other = FakeEmbedder("other", 64)
    opened = KnowledgeBase(repository, other, index_root)
    with pytest.raises(EmbedderChanged, match="run `frontdesk kb rebuild`"):
        opened.open()
    shutil.rmtree(index_root / "gen-1")
    with pytest.raises(EmbedderChanged, match="run `frontdesk kb rebuild`"):
        opened.open()
    Ingest(repository, other, index_root).rebuild()
    opened.open()
    assert ids(opened.find("refunds on my card", PUBLIC, 1)) == ["refunds"]
    assert filled.refresh() is False
    assert ids(filled.find("refunds on my card", PUBLIC, 1)) == ["refunds"]
    opened.close()


def test_questions_and_new_generations_do_not_disturb_each_other(
    filled: KnowledgeBase, repository: FakeArticleRepository, embedder: FakeEmbedder
) -> None:
    ended = threading.Event()

    def ask() -> int:
        asked = 0
        while not ended.is_set() or asked < 5:
            assert "towels" in ids(filled.find("bring my own towels", PUBLIC, 5))
            asked += 1
        return asked

    with ThreadPoolExecutor(4) as threads:
        asking = [threads.submit(ask) for _ in range(4)]
        try:
            for number in range(6):
                fill(repository, embedder, {"extra": (f"extra {number}", PUBLIC)})
                assert filled.refresh() is True
        finally:
            ended.set()
    assert all(future.result() >= 5 for future in asking)
    assert filled.generation == 7


class WaitingEmbedder(FakeEmbedder):
    """Lets the test go on while a question is under way."""

    def __init__(self) -> None:
        super().__init__()
        self.asked, self.go_on = threading.Event(), threading.Event()
        self.go_on.set()

    def encode(
        self, texts: Sequence[str], progress: Callable[[int], None] = lambda _: None
    ) -> NDArray[np.float32]:
        self.asked.set()
        assert self.go_on.wait(60)
        return super().encode(texts, progress)


def test_a_question_under_way_ends_in_the_generation_it_began_in(
    repository: FakeArticleRepository, index_root: Path
) -> None:
    embedder = WaitingEmbedder()
    fill(repository, embedder, HELP)
    opened = KnowledgeBase(repository, embedder, index_root)
    opened.open()
    embedder.asked.clear()
    embedder.go_on.clear()
    with ThreadPoolExecutor(1) as threads:
        asking = threads.submit(opened.find, "refunds on my card", PUBLIC, 1)
        assert embedder.asked.wait(60)
        repository.remove(["refunds"])
        assert opened.refresh() is True
        embedder.go_on.set()
        ranking = asking.result()
    assert (ids(ranking), ranking.generation) == (["refunds"], 1)
    assert opened.find("refunds", PUBLIC, 1).generation == 2
    opened.close()


@pytest.mark.embedder
def test_the_demo_articles_answer_in_the_demo_questions(
    repository: FakeArticleRepository,
    real_embedder: SentenceTransformerEmbedder,
    index_root: Path,
) -> None:
    articles = Path(__file__).parents[2] / "articles"
    report = Ingest(repository, real_embedder, index_root).import_paths([articles])
    assert report.unreadable == []
    opened = KnowledgeBase(repository, real_embedder, index_root)
    opened.open()
    money = opened.find(
        "I cancelled yesterday, when does my money come back to my card?", PUBLIC, 5
    )
    assert {"refund-times", "where-is-my-refund"} & set(ids(money)[:2])
    dog = opened.find("Can I bring my dog?", PUBLIC, 5)
    assert max(hit.coverage for hit in dog.hits) < 0.6
    everything = opened.find("goodwill refund limit of the support team", PUBLIC, 50)
    assert {hit.passage.audience for hit in everything.hits} == {PUBLIC}
    opened.close()
