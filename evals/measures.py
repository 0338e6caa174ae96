"""Numbers from records, by libraries: ir-measures, scikit-learn, rouge-score."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import ir_measures
import numpy as np
from ir_measures import RR, R, nDCG
from rouge_score import rouge_scorer
from sklearn.metrics import brier_score_loss, confusion_matrix, precision_recall_fscore_support

DECISIONS = ("answer", "clarify", "abstain")
ANSWER = DECISIONS[0]
COSTS = frozenset({"words", "first_sentence_s", "total_s", "prompt_tokens", "output_tokens"})
LOWER_IS_BETTER = COSTS | {"violation"}
RANKING_MEASURES = {
    "recall@1": R @ 1,
    "recall@3": R @ 3,
    "recall@5": R @ 5,
    "recall@10": R @ 10,
    "ndcg@5": nDCG @ 5,
    "ndcg@10": nDCG @ 10,
    "mrr@10": RR @ 10,
}
BINS = 10

Values = dict[str, float]


def measure_ranking(found: Sequence[str], relevant: Sequence[str]) -> Values:
    """Return every ranking measure of one list of ids, best first."""
    qrels = {"case": dict.fromkeys(relevant, 1)}
    # Ranks as scores: what comes first scores highest.
    run = {"case": {item: float(len(found) - place) for place, item in enumerate(found)}}
    measured = ir_measures.calc_aggregate(list(RANKING_MEASURES.values()), qrels, run)
    return {name: float(measured[measure]) for name, measure in RANKING_MEASURES.items()}


def average(rows: Sequence[Mapping[str, float]]) -> Values:
    """Return the mean of each value over the rows that have it, rounded to four places."""
    names = dict.fromkeys(name for row in rows for name in row)
    return {n: round(float(np.mean([row[n] for row in rows if n in row])), 4) for n in names}


def measure_decisions(expected: Sequence[str], decided: Sequence[str]) -> dict[str, Any]:
    """Return macro-F1 over the decisions that were expected, the confusion matrix, and two shares.

    `answered_when_unanswerable` is the share of the cases without an answer that were answered,
    `refused_when_answerable` the share of those with one that were not.
    """
    labels = list(DECISIONS)
    precision, recall, f1, support = precision_recall_fscore_support(
        expected, decided, labels=labels, zero_division=0.0
    )
    occurring = [place for place, label in enumerate(labels) if support[place]]
    pairs = list(zip(expected, decided, strict=True))
    return {
        "macro_f1": _round(np.mean([f1[place] for place in occurring])) if occurring else None,
        "per_class": {
            label: {
                "precision": _round(precision[place]),
                "recall": _round(recall[place]),
                "f1": _round(f1[place]),
                "n": int(support[place]),
            }
            for place, label in enumerate(labels)
        },
        "confusion": {
            "labels": labels,
            "matrix": confusion_matrix(expected, decided, labels=labels).tolist(),
        },
        "answered_when_unanswerable": _share([d == ANSWER for e, d in pairs if e != ANSWER]),
        "refused_when_answerable": _share([d != ANSWER for e, d in pairs if e == ANSWER]),
    }


def measure_calibration(confidence: Sequence[float], correct: Sequence[bool]) -> dict[str, Any]:
    """Return the expected calibration error (Guo et al., 2017, ten equal bins) and Brier score."""
    stated, right = np.asarray(confidence, float), np.asarray(correct, float)
    if not len(stated):
        return {"ece": None, "brier": None, "bins": []}
    place = np.minimum((stated * BINS).astype(int), BINS - 1)
    bins = [_describe_bin(number, stated, right, place == number) for number in range(BINS)]
    gaps = [b["n"] * abs(b["confidence"] - b["accuracy"]) for b in bins if b["n"]]
    return {
        "ece": _round(sum(gaps) / len(stated)),
        "brier": _round(brier_score_loss(right, stated)),
        "bins": bins,
    }


def _describe_bin(number: int, stated: Any, right: Any, inside: Any) -> dict[str, Any]:  # noqa: ANN401 - numpy arrays
    count = int(inside.sum())
    return {
        "from": number / BINS,
        "to": (number + 1) / BINS,
        "n": count,
        "confidence": _round(stated[inside].mean()) if count else None,
        "accuracy": _round(right[inside].mean()) if count else None,
    }


def measure_spread(values: Sequence[float]) -> dict[str, float | None]:
    """Return the median and the 95th percentile."""
    if not values:
        return {"p50": None, "p95": None}
    half, most = np.percentile(values, [50, 95])
    return {"p50": round(float(half), 3), "p95": round(float(most), 3)}


def measure_citations(cited: Sequence[str], relevant: Sequence[str]) -> Values:
    """Return precision and recall of the articles that were cited."""
    both = set(cited) & set(relevant)
    return {
        "citation_precision": len(both) / len(set(cited)) if cited else 0.0,
        "citation_recall": len(both) / len(set(relevant)),
    }


def measure_rouge_l(said: str, reference: str) -> float:
    """Return the F-measure of ROUGE-L (Lin, 2004), with stemming."""
    return float(_open_rouge().score(reference, said)["rougeL"].fmeasure)


@lru_cache(maxsize=1)
def _open_rouge() -> Any:  # noqa: ANN401 - rouge-score is untyped
    return rouge_scorer.RougeScorer(["rougeL"], use_stemmer=True)


def _share(flags: Sequence[bool]) -> float | None:
    return _round(np.mean(flags)) if flags else None


def _round(value: Any) -> float:  # noqa: ANN401 - numpy's and Python's numbers
    return round(float(value), 4)
