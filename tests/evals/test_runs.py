"""Retrieval and answers, evaluated with real search, real graph and a model that is told."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.errors import ModelFailed
from agent.state import Sentence
from agent.verification.verifier import Verifier
from evals.answers import describe_sentence, evaluate_answers, is_quotation
from evals.errors import EvalError
from evals.index import open_index, split_articles
from evals.journal import Journal
from evals.retrieval import evaluate_retrieval, rank_articles
from evals.suites import Suite
from knowledge_base.articles import Passage
from knowledge_base.search import KnowledgeBase
from tests.evals.conftest import make_deps
from tests.fakes.chat_model import FakeChatModel
from tests.knowledge_base.fake_embedder import FakeEmbedder

TRUE = "A refund to a credit card arrives 5 to 7 business days after we send it [1]."


def ignore(_done: int, _total: int) -> None:
    pass


@pytest.fixture
def knowledge_base(suite: Suite, tmp_path: Path) -> Iterator[KnowledgeBase]:
    with open_index(suite.articles, FakeEmbedder(dimensions=384), tmp_path, ignore) as opened:
        yield opened


def test_an_index_is_made_once_and_anew_when_an_article_changes(
    suite: Suite, tmp_path: Path
) -> None:
    embedder, told = FakeEmbedder(), []
    for _ in range(2):
        with open_index(suite.articles, embedder, tmp_path, lambda *d: told.append(d)) as opened:
            assert len(opened) == 3
    assert len(embedder.encoded) == 3
    assert told[-1] == (3, 3)
    with open_index(suite.articles[:2], embedder, tmp_path, ignore) as opened:
        assert len(opened) == 2


async def test_retrieval_is_measured_for_each_search(
    suite: Suite, knowledge_base: KnowledgeBase, tmp_path: Path
) -> None:
    asked = [case for case in suite.cases if case.relevant]
    with Journal(tmp_path / "run.jsonl") as journal:
        deps = make_deps(knowledge_base, FakeChatModel())
        result = await evaluate_retrieval(asked, knowledge_base, deps, journal, ignore)
    assert result["n"] == 2
    assert set(result["metrics"]) == {"dense", "lexical", "fused", "agent"}
    assert result["metrics"]["agent"]["recall@5"] == 1
    assert result["cases"][0]["found"]["agent"][0] == "refund-times"
    assert result["ms_per_query"] > 0


async def test_what_is_done_is_not_done_again(
    suite: Suite, knowledge_base: KnowledgeBase, tmp_path: Path
) -> None:
    path = tmp_path / "run.jsonl"
    for limit in (1, 3):
        model = FakeChatModel([TRUE] * 3)
        deps = make_deps(knowledge_base, model)
        with Journal(path) as journal:
            passages = split_articles(suite.articles, FakeEmbedder())
            result = await evaluate_answers(suite.cases[:limit], deps, passages, journal, ignore)
    assert [case["id"] for case in result["cases"]] == ["refund", "parking", "horse"]
    assert "When does a refund" not in str(model.requests)


async def test_answers_are_graded(
    suite: Suite, knowledge_base: KnowledgeBase, tmp_path: Path
) -> None:
    deps = make_deps(knowledge_base, FakeChatModel([TRUE]))
    passages = split_articles(suite.articles, FakeEmbedder())
    with Journal(tmp_path / "run.jsonl") as journal:
        result = await evaluate_answers(suite.cases, deps, passages, journal, ignore)
    refund, _, horse = result["cases"]
    assert refund["decision"] == "answer"
    assert refund["sentences"][0]["supported"]
    assert refund["sentences"][0]["citations"] == ["refund-times"]
    assert refund["values"]["citation_precision"] == refund["values"]["citation_recall"] == 1
    assert 0 < refund["values"]["rouge_l"] <= 1
    assert refund["values"]["prompt_tokens"] > refund["values"]["output_tokens"] > 0
    assert horse["decision"] == "abstain"
    assert "rouge_l" not in horse["values"]
    assert result["answers"]["supported_share"] == 1
    assert result["decisions"]["answered_when_unanswerable"] == 0
    assert set(result["cost"]["first_sentence_s"]) == {"p50", "p95"}


async def test_a_case_that_fails_is_kept_with_its_error_and_the_others_go_on(
    suite: Suite, knowledge_base: KnowledgeBase, tmp_path: Path
) -> None:
    deps = make_deps(knowledge_base, FakeChatModel([ModelFailed("out of memory")]))
    passages = split_articles(suite.articles, FakeEmbedder())
    with Journal(tmp_path / "run.jsonl") as journal:
        result = await evaluate_answers(suite.cases, deps, passages, journal, ignore)
    assert result["failed"] == 1
    assert result["cases"][0]["error"] == "out of memory"
    assert result["n"] == 3
    assert sum(map(sum, result["decisions"]["confusion"]["matrix"])) == 2
    with Journal(tmp_path / "run.jsonl") as journal:
        deps = make_deps(knowledge_base, FakeChatModel([TRUE]))
        mended = await evaluate_answers(suite.cases, deps, passages, journal, ignore)
    assert mended["failed"] == 0
    assert mended["cases"][1:] == result["cases"][1:]


async def test_a_suite_without_relevant_articles_has_no_retrieval(
    suite: Suite, knowledge_base: KnowledgeBase, tmp_path: Path
) -> None:
    deps = make_deps(knowledge_base, FakeChatModel())
    with Journal(tmp_path / "run.jsonl") as journal, pytest.raises(EvalError, match="relevant"):
        await evaluate_retrieval(suite.cases[2:], knowledge_base, deps, journal, ignore)


def test_articles_come_in_the_order_of_their_first_passages() -> None:
    passages = [Passage(f"{a}#{n}", a, "", (), "") for a, n in (("b", 1), ("a", 0), ("b", 0))]
    assert rank_articles(passages) == ["b", "a"]


def test_a_quotation_must_stand_in_what_it_cites() -> None:
    passage = Passage("pool#0", "pool", "Pool", (), "The **pool** opens\nat nine.")
    assert is_quotation("“The pool opens at nine”", [passage])
    assert not is_quotation("“The pool opens at ten”", [passage])
    assert not is_quotation("“The pool opens at ni”", [passage])
    assert not is_quotation("The pool opens at nine", [passage])


def test_a_sentence_that_its_passage_does_not_hold_is_not_supported() -> None:
    passage = Passage("pool#0", "pool", "Pool", (), "The pool opens at nine in the morning.")
    false = Sentence(text="The pool opens at seven in the morning.", citations=["pool#0"])
    graded = describe_sentence(false, {"pool#0": passage}, Verifier(), "When does it open?")
    assert graded == {"text": false.text, "citations": ["pool"], "supported": False}
