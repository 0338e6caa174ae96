"""How well the verifier tells supported sentences from unsupported ones."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sklearn.metrics import roc_auc_score, roc_curve

from agent.verification.verifier import Verdict, Verifier
from evals.errors import EvalError
from evals.pairs import Kind, Pair, make_pairs
from evals.suites import Case, Suite
from knowledge_base.articles import Passage

READINGS = Path(__file__).parent / "readings" / "verifier_pairs.jsonl"
FALSE_ALARMS = 0.01
PLACES = 4


class NoPairsError(EvalError):
    """No case has both relevant articles and a reference: give some of them both."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A pair with its case and what the verifier made of it."""

    pair: Pair
    case: Case
    verdict: Verdict


def evaluate_verifier(  # noqa: PLR0913 - what it needs is passed in
    suite: Suite,
    passages: Mapping[str, Sequence[Passage]],
    verifier: Verifier,
    *,
    seed: int,
    limit: int | None,
    progress: Callable[[int, int], None],
    readings: Path = READINGS,
) -> dict[str, Any]:
    """Judge the pairs of at most `limit` cases; return the verifier's part of a result.

    `passages` maps an article's id to its passages; `progress` is told how many pairs are done
    of how many. `auroc` is over all pairs; `recall_at_1pct_fpr` is the share of the supported
    ones that score above all but 1% of the unsupported ones. In `by_kind`, `auroc` sets a kind
    against the supported pairs, `caught` is the share that the verifier would not have shown.
    `readings` are a person's verdicts, compared with how the pairs were made.
    Raises NoPairsError.
    """
    cases = {case.id: case for case in suite.cases}
    drawn = {case.id for case in suite.sample(limit, _usable(suite))}
    pairs = [p for p in _make(suite, seed) if p.case_id in drawn]
    judged: list[Judged] = []
    for pair in pairs:
        judged.append(_judge(pair, cases[pair.case_id], passages, verifier))
        progress(len(judged), len(pairs))
    return _summarise(judged) | {
        "seed": seed,
        "readings": _compare_readings(judged, readings),
        "cases": [_describe(item) for item in judged],
    }


def _usable(suite: Suite) -> list[Case]:
    usable = [case for case in suite.cases if case.relevant and case.reference]
    if not usable:
        raise NoPairsError(
            f"The suite {suite.name} has no case with both relevant articles and a reference; "
            "the verifier's pairs are made of those. Give it some, or take another suite."
        )
    return usable


def _make(suite: Suite, seed: int) -> list[Pair]:
    texts = {article.id: f"{article.title} {article.text}" for article in suite.articles}
    return make_pairs(suite.cases, texts, seed)


def _judge(
    pair: Pair, case: Case, passages: Mapping[str, Sequence[Passage]], verifier: Verifier
) -> Judged:
    held = [passage for article in pair.articles for passage in passages[article]]
    return Judged(pair, case, verifier.verify(pair.sentence, held, case.question))


def _summarise(judged: Sequence[Judged]) -> dict[str, Any]:
    supported = [item for item in judged if item.pair.supported]
    passed = sum(item.verdict.supported for item in supported)
    return {
        "n": len(judged),
        "auroc": _auroc(judged),
        "recall_at_1pct_fpr": _recall(judged),
        "supported_passed": _share(passed, len(supported)),
        "by_kind": {
            kind.value: _summarise_kind([i for i in judged if i.pair.kind is kind], supported)
            for kind in Kind
            if kind is not Kind.REFERENCE and any(i.pair.kind is kind for i in judged)
        },
    }


def _summarise_kind(made: Sequence[Judged], supported: Sequence[Judged]) -> dict[str, Any]:
    caught = sum(not item.verdict.supported for item in made)
    return {
        "n": len(made),
        "auroc": _auroc([*made, *supported]),
        "caught": _share(caught, len(made)),
    }


def _auroc(judged: Sequence[Judged]) -> float | None:
    truth, scores = _read_scores(judged)
    return round(float(roc_auc_score(truth, scores)), PLACES) if len(set(truth)) > 1 else None


def _recall(judged: Sequence[Judged]) -> float | None:
    truth, scores = _read_scores(judged)
    if len(set(truth)) < 2:  # noqa: PLR2004 - supported and unsupported
        return None
    let_through, found, _ = roc_curve(truth, scores, drop_intermediate=False)
    return round(float(found[let_through <= FALSE_ALARMS].max()), PLACES)


def _read_scores(judged: Sequence[Judged]) -> tuple[list[bool], list[float]]:
    return [i.pair.supported for i in judged], [i.verdict.score for i in judged]


def _compare_readings(judged: Sequence[Judged], path: Path) -> dict[str, Any] | None:
    """Return how far a person's verdicts agree with how those pairs were made, None if none is."""
    if not path.is_file():
        return None
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    read = {row["pair"]: bool(row["supported"]) for row in rows}
    both = [(item, read[item.pair.id]) for item in judged if item.pair.id in read]
    if not both:
        return None
    made_so = sum(item.pair.supported == verdict for item, verdict in both)
    shown = [verdict for item, verdict in both if item.verdict.supported]
    truth, scores = [v for _, v in both], [i.verdict.score for i, _ in both]
    both_kinds = len(set(truth)) > 1
    return {
        "n": len(both),
        "agreement": _share(made_so, len(both)),
        "auroc": round(float(roc_auc_score(truth, scores)), PLACES) if both_kinds else None,
        "passed": len(shown),
        "passed_unsupported": len(shown) - sum(shown),
    }


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, PLACES) if whole else None


def _describe(item: Judged) -> dict[str, Any]:
    pair, case, verdict = item.pair, item.case, item.verdict
    return {
        "id": pair.id,
        "question": case.question,
        "history": [message.model_dump() for message in case.history],
        "expect": "supported" if pair.supported else "unsupported",
        "relevant": list(case.relevant),
        "reference": case.reference,
        "kind": pair.kind.value,
        "sentence": pair.sentence,
        "passages": list(pair.articles),
        "supported": pair.supported,
        "score": round(verdict.score, PLACES),
        "passed": verdict.supported,
        "failure": verdict.failure.value if verdict.failure else None,
        "values": {"right": float(verdict.supported == pair.supported)},
    }
