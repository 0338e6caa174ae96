"""Train the decider.

`python -m agent.decision.training EMBEDDER_FOLDER ARTICLES [SUITE ...]`

Labelled questions come from beside this file, asked of the demo company's articles, and from any
suites (folders with articles.jsonl and cases.jsonl). A question of ours that has an answer is
used twice: once as it is, and once with the articles that answer it withheld, which makes the
hardest kind of unanswerable question: near, and without the answer.
"""

import asyncio
import hashlib
import json
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import classification_report, confusion_matrix, roc_auc_score
from sklearn.model_selection import GroupKFold, LeaveOneGroupOut, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from agent.decision.decider import HERE
from agent.nodes.retrieve import find
from agent.ports import Deps, Search
from agent.state import Message
from knowledge_base import chunking
from knowledge_base.articles import Article, Ranking
from knowledge_base.embedding import (
    SentenceTransformerEmbedder,
    ThreadedEncoder,
    read_embedded_text,
)
from knowledge_base.readers import read_articles
from knowledge_base.repository import ArticleRepository, StoredPassage
from knowledge_base.search import KnowledgeBase
from knowledge_base.store import build_index

DATA = HERE / "data" / "questions.jsonl"
FOLDS = 10
SEED = 1
REGULARISATION = 0.1
FIRST, FOLLOW_UP = "first", "follow_up"
# The chance of an answer from which one is tried. Two mistakes are weighed: an answer that
# should not be, which the verifier still stands in front of, and a question refused in vain.
ANSWER_FROM = {FIRST: 0.5, FOLLOW_UP: 0.5}
# Asking back in vain costs a customer less than being refused in vain.
CLARIFY_ODDS = 2.0
# Our own follow-ups are few and of one hand: suites of real conversations say more about those.
OWN = "own"
OWN_WEIGHT = {FIRST: 1.0, FOLLOW_UP: 0.1}
WITHHELD_WEIGHT = {FIRST: 0.2, FOLLOW_UP: 0.05}
MOST_WITHHELD = 40
FEWEST_CORPORA = 2
ANSWER = "answer"


@dataclass(frozen=True, slots=True)
class Question:
    """A labelled question; `group` is what it must not be parted from in cross-validation.

    `withheld` are articles that are kept from being found.
    """

    text: str
    history: tuple[Message, ...]
    expect: str
    corpus: str
    group: str
    withheld: frozenset[str] = frozenset()

    @property
    def regime(self) -> str:
        """Which of the two regressions it belongs to."""
        return FOLLOW_UP if self.history else FIRST

    @property
    def weight(self) -> float:
        """How much it counts."""
        if self.corpus != OWN:
            return 1.0
        return (WITHHELD_WEIGHT if self.withheld else OWN_WEIGHT)[self.regime]


@dataclass(frozen=True, slots=True)
class Example:
    """A question with the evidence that was found for it."""

    question: Question
    features: dict[str, float]


class _Fixed:
    """A repository of articles that do not change."""

    def __init__(self, stored: list[StoredPassage]) -> None:
        self._stored = stored

    def generation(self) -> int:
        return 1

    def passages(self) -> tuple[int, list[StoredPassage]]:
        return 1, self._stored


@dataclass(frozen=True, slots=True)
class _Withholding:
    """A search that does not find some articles."""

    search_all: Search
    withheld: frozenset[str]

    async def search(self, question: str, audience: str, limit: int) -> Ranking:
        more = await self.search_all.search(question, audience, limit + MOST_WITHHELD)
        hits = tuple(h for h in more.hits if h.passage.article_id not in self.withheld)
        return Ranking(question, hits[:limit], more.generation)


def train(embedder_folder: Path, articles: Path, suites: Sequence[Path]) -> None:
    """Fit on all examples, print cross-validated reports and write decider.json."""
    embedder = SentenceTransformerEmbedder(embedder_folder)
    examples = collect(read_own(), [articles], embedder)
    for suite in suites:
        examples += collect(read_suite(suite), [suite / "articles.jsonl"], embedder)
    saved = fit(examples, [DATA, *(suite / "cases.jsonl" for suite in suites)])
    (HERE / "decider.json").write_text(json.dumps(saved, indent=1) + "\n", encoding="utf-8")


def read_own() -> list[Question]:
    """Return the questions beside this file, those with an answer also as withheld ones."""
    rows = [json.loads(line) for line in DATA.read_text(encoding="utf-8").splitlines()]
    answered = [row for row in rows if row["expect"] == ANSWER]
    withheld = [_read(row | {"expect": "abstain"}, OWN, row["articles"]) for row in answered]
    return [*(_read(row, OWN) for row in rows), *withheld]


def read_suite(folder: Path) -> list[Question]:
    """Return a suite's cases; each of its collections is a corpus of its own."""
    lines = (folder / "cases.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    return [_read(row, row.get("collection", folder.name)) for row in rows]


def _read(row: dict[str, Any], corpus: str, withheld: Sequence[str] = ()) -> Question:
    history = tuple(Message(**message) for message in row["history"])
    return Question(
        row["question"], history, row["expect"], corpus, _thread(row), frozenset(withheld)
    )


def _thread(row: dict[str, Any]) -> str:
    return str(row["id"]).split("<")[0]


def collect(
    questions: Sequence[Question], paths: Sequence[Path], embedder: SentenceTransformerEmbedder
) -> list[Example]:
    """Search for every question among the articles below the paths."""
    with tempfile.TemporaryDirectory() as folder:
        knowledge_base = _index(paths, embedder, Path(folder))
        examples = asyncio.run(_collect(questions, knowledge_base, embedder))
        knowledge_base.close()
    return examples


async def _collect(
    questions: Iterable[Question], search: Search, embedder: SentenceTransformerEmbedder
) -> list[Example]:
    encoder = ThreadedEncoder(embedder)
    examples: list[Example] = []
    for question in questions:
        seen = _Withholding(search, question.withheld) if question.withheld else search
        # Finding uses no more of the dependencies than these two.
        deps = cast("Deps", SimpleNamespace(search=seen, encoder=encoder))
        found = await find(deps, question.text, question.text, question.history)
        examples.append(Example(question, found.evidence))
    return examples


def _index(
    paths: Sequence[Path], embedder: SentenceTransformerEmbedder, folder: Path
) -> KnowledgeBase:
    read = [item for item in read_articles(paths) if isinstance(item, Article)]
    passages = [p for article in read for p in chunking.split(article, embedder.count_tokens)]
    vectors = embedder.encode([read_embedded_text(passage) for passage in passages])
    stored = [StoredPassage(p, vector) for p, vector in zip(passages, vectors, strict=True)]
    build_index(folder, 1, stored, lambda _: None)
    # Searching reads no more of a repository than this one has.
    knowledge_base = KnowledgeBase(cast("ArticleRepository", _Fixed(stored)), embedder, folder)
    knowledge_base.open()
    return knowledge_base


def _pipeline() -> Any:  # noqa: ANN401 - scikit-learn's pipeline is untyped
    return make_pipeline(StandardScaler(), LogisticRegression(C=REGULARISATION, max_iter=5000))


@dataclass(frozen=True, slots=True)
class Table:
    """Examples of one regime as arrays: features [n, features], labels and weights [n]."""

    names: tuple[str, ...]
    matrix: NDArray[np.float64]
    labels: NDArray[np.str_]
    weights: NDArray[np.float64]
    corpora: NDArray[np.str_]
    groups: NDArray[np.str_]


def _tabulate(examples: Sequence[Example], regime: str) -> Table:
    kept = [e for e in examples if e.question.regime == regime]
    names = tuple(name for name in kept[0].features if name != FOLLOW_UP)
    return Table(
        names,
        np.array([[e.features[name] for name in names] for e in kept]),
        np.array([e.question.expect for e in kept]),
        np.array([e.question.weight for e in kept]),
        np.array([e.question.corpus for e in kept]),
        np.array([e.question.group for e in kept]),
    )


def _report(table: Table, regime: str) -> None:
    """Print cross-validated figures, by conversation and, where there are several, by corpus."""
    folds = GroupKFold(FOLDS, shuffle=True, random_state=SEED)
    _print("by conversation", table, regime, _predict(table, folds, table.groups))
    # First messages come from our own corpus, nearly all of them.
    if regime == FOLLOW_UP and len(set(table.corpora)) > FEWEST_CORPORA:
        _print("by corpus", table, regime, _predict(table, LeaveOneGroupOut(), table.corpora))


def _predict(table: Table, folds: Any, groups: NDArray[np.str_]) -> NDArray[np.float64]:  # noqa: ANN401
    chances = cross_val_predict(
        _pipeline(), table.matrix, table.labels, cv=folds, groups=groups, method="predict_proba",
        params={"logisticregression__sample_weight": table.weights},
    )  # fmt: skip
    return np.asarray(chances)


def _print(how: str, table: Table, regime: str, chances: NDArray[np.float64]) -> None:
    """Print what the chances come to on the corpus that counts most in this regime."""
    names = np.unique(table.labels)
    place = list(names).index(ANSWER)
    others = chances * np.where(names == "clarify", CLARIFY_ODDS, 1.0)
    others[:, place] = -1
    best = np.where(chances[:, place] >= ANSWER_FROM[regime], ANSWER, names[others.argmax(1)])
    kept = table.weights == 1.0
    labels, best, answers = table.labels[kept], best[kept], chances[kept, place]
    area = roc_auc_score(labels == ANSWER, answers)
    print(f"{regime}, {how}: {kept.sum()} questions, AUROC of answerable {area:.3f}")  # noqa: T201
    print(classification_report(labels, best, digits=3))  # noqa: T201 - a script's result
    print(names, confusion_matrix(labels, best, labels=names), sep="\n")  # noqa: T201


def _fit(table: Table, regime: str) -> dict[str, Any]:
    model = _pipeline().fit(
        table.matrix, table.labels, logisticregression__sample_weight=table.weights
    )
    scaler, regression = model[0], model[1]
    return {
        "choices": regression.classes_.tolist(),
        "answer_from": ANSWER_FROM[regime],
        "clarify_odds": CLARIFY_ODDS,
        "mean": scaler.mean_.round(6).tolist(),
        "scale": scaler.scale_.round(6).tolist(),
        "bias": regression.intercept_.round(6).tolist(),
        "weights": regression.coef_.round(6).tolist(),
    }


def fit(examples: Sequence[Example], sources: Iterable[Path]) -> dict[str, Any]:
    """Print reports and return what is saved: two regressions, and hashes of what they saw."""
    saved: dict[str, Any] = {
        "trained_on": {p.parent.name + "/" + p.name: _hash(p) for p in sources},
    }
    for regime in (FIRST, FOLLOW_UP):
        table = _tabulate(examples, regime)
        _report(table, regime)
        saved |= {"features": table.names, regime: _fit(table, regime)}
    return saved


def _hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


if __name__ == "__main__":
    train(Path(sys.argv[1]), Path(sys.argv[2]), [Path(name) for name in sys.argv[3:]])
