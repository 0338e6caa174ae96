"""Train the screener: `python -m agent.screening.training EMBEDDER_FOLDER`."""

import json
import sys
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import classification_report
from sklearn.model_selection import cross_val_predict

from agent.screening.screener import HERE, NONE
from knowledge_base.embedding import SentenceTransformerEmbedder

DATA = HERE.parent / "decision" / "data" / "messages.jsonl"
FOLDS = 5
# A wrong hand-off costs a person's minute; one missed costs the customer's patience. Measured
# by cross-validation below: from here on, few ordinary questions are taken for something else.
THRESHOLD = 0.55


def train(embedder: SentenceTransformerEmbedder) -> None:
    """Fit on all messages, print a cross-validated report and write screener.json."""
    rows = [json.loads(line) for line in DATA.read_text(encoding="utf-8").splitlines()]
    texts, labels = [r["text"] for r in rows], np.array([r["label"] for r in rows])
    vectors = embedder.encode(texts)
    model = LogisticRegression(C=10, max_iter=2000, class_weight="balanced")
    chances = cross_val_predict(model, vectors, labels, cv=FOLDS, method="predict_proba")
    names = np.unique(labels)
    best = np.where(chances.max(1) >= THRESHOLD, names[chances.argmax(1)], NONE)
    print(classification_report(labels, best, digits=3))  # noqa: T201 - a script's result
    model.fit(vectors, labels)
    _write(model, texts)


def _write(model: LogisticRegression, texts: list[str]) -> None:
    saved = {
        "labels": model.classes_.tolist(),
        "trained_on": len(texts),
        "threshold": THRESHOLD,
        "bias": model.intercept_.round(5).tolist(),
        "weights": model.coef_.round(5).tolist(),
    }
    (HERE / "screener.json").write_text(json.dumps(saved) + "\n", encoding="utf-8")


if __name__ == "__main__":
    train(SentenceTransformerEmbedder(Path(sys.argv[1])))
