"""Train the verifier's scorer: `python -m evals.training ARTICLES TRAPS [SUITE ...]`.

It learns from pairs (see `evals.pairs`): of the demo company's own sentences with the passages
that they stand in, of the hand-written truths and lies about them, and of any suites' references.
Printed and saved are figures of pairs that the regressions have not seen: folds by case, and
each collection judged by what was learnt from the others.
"""

import hashlib
import json
import random
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score, roc_curve
from sklearn.model_selection import GroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from agent.verification.checks import Claim, check
from agent.verification.evidence import read_units
from agent.verification.scorer import FILE, Regression, Scorer, to_odds
from agent.verification.verifier import take_figures
from agent.verification.words import content_stems, read_words
from evals.pairs import Kind, make_pairs
from evals.suites import Case, read_folder, read_suite
from knowledge_base import chunking
from knowledge_base.articles import Article, Passage

SEED = 20261123
FOLDS = 5
REGULARISATION = 0.3
FALSE_ALARMS = 0.01
OWN_SENTENCES = 6
TOKENS_A_WORD = 1.35
LIE = "lie"
NO_NAMES: frozenset[str] = frozenset()
ELSEWHERE = frozenset({Kind.NEAR_PASSAGES.value, Kind.RANDOM_PASSAGES.value})
# Below this score the lies of the pairs that pass every strict check outnumber the truths.
SHOW_FROM = 0.3
# What tells a sentence of other passages, negations and numbers left to the other regression.
DRAWN = (
    "held", "held_akin", "held_rare", "strange", "strange_unasked", "strange_run", "passage",
    "unit", "two_units", "three_units", "asked", "joints", "clause", "clause_joints", "loose_run",
    "name_lost", "names_lost",
)  # fmt: skip
Matrix = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Example:
    """A pair as figures, how it was made, its case, and the collection that it comes from."""

    figures: dict[str, float]
    kind: str
    case: str
    collection: str


def train(articles: Path, traps: Path, suites: Sequence[Path]) -> None:
    """Fit on everything, print cross-validated figures and write scorer.json."""
    examples = [*_read_demo(articles, traps)]
    for folder in suites:
        examples += _read_suite(folder)
    tested = _cross_validate(examples)
    scorer = _fit(examples)
    saved = _save(scorer) | {
        "trained_on": _hash([articles, traps, *suites]),
        "examples": len(examples),
        "seed": SEED,
        "cross_validated": tested,
    }
    FILE.write_text(json.dumps(saved, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(tested, indent=1))  # noqa: T201 - a script's result


def count_tokens(text: str) -> int:
    """Return about how many tokens a text takes: the embedder is not needed for this."""
    return int(len(text.split()) * TOKENS_A_WORD)


def _split(articles: Sequence[Article]) -> dict[str, list[Passage]]:
    return {article.id: chunking.split(article, count_tokens) for article in articles}


def _read_demo(folder: Path, traps: Path) -> Iterator[Example]:
    """Yield examples of the demo company: own sentences, truths, and lies that people wrote."""
    articles = read_folder(folder)
    passages = _split(articles)
    truths, lies = (_read_lines(traps / f"{name}.jsonl") for name in ("truths", "lies"))
    cases = [*_draw_own(articles, passages), *(_make_case(row) for row in truths)]
    yield from _make_examples(cases, articles, passages, "demo")
    for row in lies:
        held = passages[row["article"]]
        figures = _measure(row["lie"], held, row["question"])
        yield Example(figures, LIE, row["article"], "demo")


def _draw_own(articles: Sequence[Article], passages: Mapping[str, list[Passage]]) -> Iterator[Case]:
    for article in articles:
        units = [u.text for p in passages[article.id] for u in read_units(p) if u.quotable]
        draw = random.Random(f"{SEED}/{article.id}")  # noqa: S311 - a sample, no secret
        drawn = draw.sample(units, min(OWN_SENTENCES, len(units)))
        yield Case(
            id=article.id, question=article.title, expect="answer", relevant=(article.id,),
            reference="\n".join(drawn),
        )  # fmt: skip


def _make_case(row: Mapping[str, str]) -> Case:
    return Case(
        id=row["id"], question=row["question"], expect="answer", relevant=(row["article"],),
        reference=row["truth"],
    )  # fmt: skip


def _read_lines(path: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def _read_suite(folder: Path) -> Iterator[Example]:
    suite = read_suite(folder)
    collections = {
        str(row["id"]): str(row.get("collection", suite.name))
        for row in _read_lines(folder / "cases.jsonl")
    }
    for example in _make_examples(suite.cases, suite.articles, _split(suite.articles), ""):
        yield Example(example.figures, example.kind, example.case, collections[example.case])


def _make_examples(
    cases: Sequence[Case],
    articles: Sequence[Article],
    passages: Mapping[str, list[Passage]],
    collection: str,
) -> Iterator[Example]:
    texts = {article.id: f"{article.title} {article.text}" for article in articles}
    questions = {case.id: case.question for case in cases}
    for pair in make_pairs(cases, texts, SEED):
        held = [passage for article in pair.articles for passage in passages[article]]
        figures = _measure(pair.sentence, held, questions[pair.case_id])
        yield Example(figures, pair.kind.value, pair.case_id, collection)


def _measure(sentence: str, passages: Sequence[Passage], question: str) -> dict[str, float]:
    claim = Claim(sentence, content_stems(read_words(question)))
    return take_figures(claim, check(claim, passages, NO_NAMES), passages, NO_NAMES)


def _fit(examples: Sequence[Example]) -> Scorer:
    """Fit both regressions, and the calibration on chances that they gave to unseen cases."""
    scores = np.zeros(len(examples))
    for seen, unseen in _fold(examples):
        drawn, unaltered = _fit_both([examples[i] for i in seen])
        for i in unseen:
            figures = examples[i].figures
            scores[i] = to_odds(drawn.chance(figures) * unaltered.chance(figures))
    truth, weights = _read_truth(examples), _weigh(examples)
    platt = LogisticRegression(C=1e6).fit(scores.reshape(-1, 1), truth, sample_weight=weights)
    slope, bias = round(float(platt.coef_[0, 0]), 6), round(float(platt.intercept_[0]), 6)
    return Scorer(*_fit_both(examples), slope, bias, SHOW_FROM)


def _fold(examples: Sequence[Example]) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    groups = [f"{e.collection}/{e.case}" for e in examples]
    yield from GroupKFold(FOLDS).split(groups, groups=groups)


def _fit_both(examples: Sequence[Example]) -> tuple[Regression, Regression]:
    reference = Kind.REFERENCE.value
    elsewhere = [e for e in examples if e.kind == reference or e.kind in ELSEWHERE]
    altered = [e for e in examples if e.kind not in ELSEWHERE]
    return _regress(elsewhere, DRAWN), _regress(altered, tuple(examples[0].figures))


def _regress(examples: Sequence[Example], names: tuple[str, ...]) -> Regression:
    matrix = np.array([[e.figures[name] for name in names] for e in examples])
    model = make_pipeline(
        StandardScaler(), LogisticRegression(C=REGULARISATION, max_iter=5000)
    ).fit(matrix, _read_truth(examples), logisticregression__sample_weight=_weigh(examples))
    scaler, regression = model[0], model[1]
    rows = (scaler.mean_, scaler.scale_, regression.coef_[0])
    mean, scale, weights = (tuple(row.round(6).tolist()) for row in rows)
    return Regression(names, mean, scale, weights, round(float(regression.intercept_[0]), 6))


def _read_truth(examples: Sequence[Example]) -> Flags:
    return np.array([e.kind == Kind.REFERENCE.value for e in examples])


def _weigh(examples: Sequence[Example]) -> Matrix:
    """Return weights that make supported and unsupported ones count alike."""
    truth = _read_truth(examples)
    weights = np.where(truth, 1 / truth.sum(), 1 / (~truth).sum()) * len(truth) / 2
    return np.asarray(weights, dtype=np.float64)


def _cross_validate(examples: Sequence[Example]) -> dict[str, Any]:
    truth, collections = _read_truth(examples), np.array([e.collection for e in examples])
    scores = np.zeros(len(examples))
    for seen, unseen in _fold(examples):
        _score_unseen(examples, seen, unseen, scores)
    by_case = {"by_case": _describe(truth, scores)}
    by_case |= {
        f"by_case, {name}": _describe(truth[collections == name], scores[collections == name])
        for name in sorted(set(collections.tolist()))
    }
    return by_case | dict(_cross_collections(examples, truth, collections))


def _cross_collections(
    examples: Sequence[Example], truth: Flags, collections: NDArray[np.str_]
) -> Iterator[tuple[str, dict[str, float]]]:
    for name in sorted(set(collections.tolist())):
        unseen = np.flatnonzero(collections == name)
        seen = np.flatnonzero(collections != name)
        scores = np.zeros(len(examples))
        if len(seen):
            _score_unseen(examples, seen, unseen, scores)
            yield f"{name} by the others", _describe(truth[unseen], scores[unseen])


def _score_unseen(
    examples: Sequence[Example], seen: NDArray[np.int64], unseen: NDArray[np.int64], scores: Matrix
) -> None:
    drawn, unaltered = _fit_both([examples[i] for i in seen])
    for i in unseen:
        figures = examples[i].figures
        scores[i] = drawn.chance(figures) * unaltered.chance(figures)


def _describe(truth: Flags, scores: Matrix) -> dict[str, float]:
    let_through, found, _ = roc_curve(truth, scores, drop_intermediate=False)
    return {
        "pairs": len(truth),
        "auroc": round(float(roc_auc_score(truth, scores)), 4),
        "recall_at_1pct_fpr": round(float(found[let_through <= FALSE_ALARMS].max()), 4),
    }


def _save(scorer: Scorer) -> dict[str, Any]:
    parts = {"drawn": scorer.drawn, "unaltered": scorer.unaltered}
    saved: dict[str, Any] = {
        name: {
            "features": part.features,
            "mean": part.mean,
            "scale": part.scale,
            "weights": part.weights,
            "bias": part.bias,
        }
        for name, part in parts.items()
    }
    return saved | {"slope": scorer.slope, "bias": scorer.bias, "show_from": scorer.show_from}


def _hash(paths: Sequence[Path]) -> dict[str, str]:
    """Map each source's name to the SHA-256 of its files."""
    hashes = {}
    for path in paths:
        files = sorted(file for file in path.rglob("*") if file.suffix in {".md", ".jsonl"})
        digests = (hashlib.sha256(file.read_bytes()).digest() for file in files)
        hashes[path.name] = hashlib.sha256(b"".join(digests)).hexdigest()
    return hashes


if __name__ == "__main__":
    train(Path(sys.argv[1]), Path(sys.argv[2]), [Path(path) for path in sys.argv[3:]])
