"""Train the screener: `python -m agent.screening.training EMBEDDER_FOLDER`."""

import json
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import classification_report
from sklearn.model_selection import StratifiedKFold, cross_val_predict

from agent.screening.screener import HERE, NONE
from knowledge_base.embedding import SentenceTransformerEmbedder

DATA = HERE.parent / "decision" / "data"
FOLDS = 5
# A customer who is handed off by mistake waits for nothing, so it must be rare: a message that is
# missed here still reaches a person when the agent does not know an answer. Each label's threshold
# leaves this share of ordinary messages above it, in cross-validation.
FALSE_ALARMS = 0.004
LOWEST = 0.62


def train(embedder: SentenceTransformerEmbedder) -> None:
    """Fit on all messages, print a cross-validated report and write screener.json."""
    rows = _read("messages.jsonl")
    texts = [str(row["text"]) for row in rows]
    texts += [str(row["question"]) for row in _read("questions.jsonl")]
    labels = np.array([row["label"] for row in rows] + [NONE] * (len(texts) - len(rows)))
    vectors = embedder.encode(texts)
    model = LogisticRegression(C=5, max_iter=2000, class_weight="balanced")
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=0)
    chances = cross_val_predict(model, vectors, labels, cv=folds, method="predict_proba")
    names = np.unique(labels)
    thresholds = _choose_thresholds(chances, labels, names)
    sure = chances.max(1) >= np.array(thresholds)[chances.argmax(1)]
    best = np.where(sure, names[chances.argmax(1)], NONE)
    print(classification_report(labels, best, digits=3))  # noqa: T201 - a script's result
    model.fit(vectors, labels)
    _write(model, thresholds, texts)


def _choose_thresholds(
    chances: NDArray[np.float64], labels: NDArray[np.str_], names: NDArray[np.str_]
) -> list[float]:
    ordinary = chances[labels == NONE]
    return [
        0.0 if name == NONE else max(LOWEST, float(np.quantile(ordinary[:, i], 1 - FALSE_ALARMS)))
        for i, name in enumerate(names)
    ]


def _read(name: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in (DATA / name).read_text(encoding="utf-8").splitlines()]


def _write(model: LogisticRegression, thresholds: list[float], texts: list[str]) -> None:
    saved = {
        "labels": model.classes_.tolist(),
        "trained_on": len(texts),
        "thresholds": [round(threshold, 4) for threshold in thresholds],
        "bias": model.intercept_.round(5).tolist(),
        "weights": model.coef_.round(5).tolist(),
    }
    (HERE / "screener.json").write_text(json.dumps(saved) + "\n", encoding="utf-8")


if __name__ == "__main__":
    train(SentenceTransformerEmbedder(Path(sys.argv[1])))
