"""The plain way to sort tickets, to compare with: `python -m evals.plain EMBEDDER TRAIN IN OUT`.

MiniLM in fp32 as sentence-transformers encodes, thirty-two texts at a time, and a logistic
regression; the last line that it prints says how long the tickets took without what came before.
"""

import csv
import json
import sys
import time
from pathlib import Path

import torch
from sentence_transformers import SentenceTransformer
from sklearn.linear_model import LogisticRegression

THREADS = 2
C = 10.0
ITERATIONS = 1000


def sort_tickets(embedder: Path, train: Path, source: Path, target: Path) -> float:
    """Fit on one file, write the other's categories, and return the seconds of the latter."""
    torch.set_num_threads(THREADS)
    model = SentenceTransformer(str(embedder), device="cpu")
    history = _read(train)
    vectors = model.encode([row["text"] for row in history])
    fitted = LogisticRegression(C=C, max_iter=ITERATIONS)
    fitted.fit(vectors, [row["category"] for row in history])
    begun = time.perf_counter()
    rows = _read(source)
    guesses = fitted.predict(model.encode([row["text"] for row in rows]))
    with target.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["ticket_id", "category"])
        writer.writerows(
            [row["ticket_id"], guess] for row, guess in zip(rows, guesses, strict=True)
        )
    return time.perf_counter() - begun


def _read(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


if __name__ == "__main__":
    seconds = sort_tickets(*map(Path, sys.argv[1:5]))
    print(json.dumps({"seconds": seconds}))  # noqa: T201 - a script's result
