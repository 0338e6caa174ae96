"""Train the decider: `python -m agent.decision.training EMBEDDER_FOLDER ARTICLES`.

Each labelled question is searched for among the demo company's articles. A question that has an
answer is used twice: once as it is, and once with the articles that answer it taken out of the
ranking, which makes the hardest kind of unanswerable question: near, and without the answer.
"""

import hashlib
import json
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import classification_report, confusion_matrix
from sklearn.model_selection import GroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from agent.decision.decider import HERE
from agent.decision.features import depends_on_history, measure
from agent.nodes.condense import join_last
from agent.nodes.retrieve import DEPTH
from agent.state import Message
from knowledge_base import chunking
from knowledge_base.articles import PUBLIC, Article, Ranking
from knowledge_base.embedding import SentenceTransformerEmbedder, read_embedded_text
from knowledge_base.readers import read_articles
from knowledge_base.repository import ArticleRepository, StoredPassage
from knowledge_base.search import KnowledgeBase
from knowledge_base.store import build_index

DATA = HERE / "data" / "questions.jsonl"
FOLDS = 5
REGULARISATION = 0.3
WITHHELD_WEIGHT = 0.6
# The chance of an answer from which one is tried. Two mistakes are weighed: an answer that
# should not be, which the verifier still stands in front of, and a question refused in vain.
ANSWER_FROM = 0.45
MORE_THAN_ENOUGH = 60


@dataclass(frozen=True, slots=True)
class Example:
    """A question as features, its label, its group (the question it was made from), its weight."""

    features: dict[str, float]
    label: str
    group: str
    weight: float


class _Fixed:
    """A repository of the demo company's articles for one training run."""

    def __init__(self, stored: list[StoredPassage]) -> None:
        self._stored = stored

    def generation(self) -> int:
        return 1

    def passages(self) -> tuple[int, list[StoredPassage]]:
        return 1, self._stored


def train(embedder_folder: Path, articles: Path) -> None:
    """Fit on all examples, print a cross-validated report and write decider.json."""
    with tempfile.TemporaryDirectory() as folder:
        knowledge_base = _index(embedder_folder, articles, Path(folder))
        lines = DATA.read_text(encoding="utf-8").splitlines()
        rows = [json.loads(line) for line in lines]
        examples = [e for row in rows for e in _make_examples(row, knowledge_base)]
        knowledge_base.close()
    names = tuple(examples[0].features)
    matrix = np.array([[e.features[name] for name in names] for e in examples])
    labels = np.array([e.label for e in examples])
    _report(matrix, labels, examples)
    _write(_fit(matrix, labels, examples), names, lines)


def _index(embedder_folder: Path, articles: Path, folder: Path) -> KnowledgeBase:
    embedder = SentenceTransformerEmbedder(embedder_folder)
    read = [item for item in read_articles([articles]) if isinstance(item, Article)]
    passages = [p for article in read for p in chunking.split(article, embedder.count_tokens)]
    vectors = embedder.encode([read_embedded_text(passage) for passage in passages])
    stored = [StoredPassage(p, vector) for p, vector in zip(passages, vectors, strict=True)]
    build_index(folder, 1, stored, lambda _: None)
    # Searching reads no more of a repository than this one has.
    knowledge_base = KnowledgeBase(cast("ArticleRepository", _Fixed(stored)), embedder, folder)
    knowledge_base.open()
    return knowledge_base


def _make_examples(row: dict[str, Any], knowledge_base: KnowledgeBase) -> Iterator[Example]:
    question = str(row["question"])
    history = [Message(**message) for message in row["history"]]
    leans = bool(history) and depends_on_history(question)
    standalone = join_last(question, history) if leans else question
    own, full = (knowledge_base.find(q, PUBLIC, MORE_THAN_ENOUGH) for q in (question, standalone))
    follow_up = bool(history)
    features = measure(question, _cut(own, []), _cut(full, []), follow_up=follow_up)
    yield Example(features, row["expect"], row["id"], 1.0)
    if row["expect"] == "answer":
        withheld = row["articles"]
        features = measure(question, _cut(own, withheld), _cut(full, withheld), follow_up=follow_up)
        yield Example(features, "abstain", row["id"], WITHHELD_WEIGHT)


def _cut(ranking: Ranking, withheld: list[str]) -> Ranking:
    hits = tuple(h for h in ranking.hits if h.passage.article_id not in withheld)
    return Ranking(ranking.question, hits[:DEPTH], ranking.generation)


def _pipeline() -> Any:  # noqa: ANN401 - scikit-learn's pipeline is untyped
    return make_pipeline(StandardScaler(), LogisticRegression(C=REGULARISATION, max_iter=5000))


def _fit(matrix: NDArray[np.float64], labels: NDArray[np.str_], examples: list[Example]) -> Any:  # noqa: ANN401
    weights = np.array([e.weight for e in examples])
    return _pipeline().fit(matrix, labels, logisticregression__sample_weight=weights)


def _report(matrix: NDArray[np.float64], labels: NDArray[np.str_], examples: list[Example]) -> None:
    groups = [e.group for e in examples]
    chances = cross_val_predict(
        _pipeline(), matrix, labels, cv=GroupKFold(FOLDS), groups=groups, method="predict_proba",
        params={"logisticregression__sample_weight": np.array([e.weight for e in examples])},
    )  # fmt: skip
    names = np.unique(labels)
    answers = chances[:, list(names).index("answer")]
    others = chances.copy()
    others[:, list(names).index("answer")] = -1
    best = np.where(answers >= ANSWER_FROM, "answer", names[others.argmax(1)])
    print(classification_report(labels, best, digits=3))  # noqa: T201 - a script's result
    print(names, confusion_matrix(labels, best, labels=names), sep="\n")  # noqa: T201


def _write(model: Any, names: tuple[str, ...], lines: list[str]) -> None:  # noqa: ANN401
    scaler, regression = model[0], model[1]
    saved = {
        "features": names,
        "choices": regression.classes_.tolist(),
        "answer_from": ANSWER_FROM,
        "trained_on": hashlib.sha256("\n".join(lines).encode()).hexdigest(),
        "mean": scaler.mean_.round(6).tolist(),
        "scale": scaler.scale_.round(6).tolist(),
        "bias": regression.intercept_.round(6).tolist(),
        "weights": regression.coef_.round(6).tolist(),
    }
    (HERE / "decider.json").write_text(json.dumps(saved, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    train(Path(sys.argv[1]), Path(sys.argv[2]))
