"""One result as one HTML file that loads nothing."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from evals.charts import draw_reliability, draw_roc
from evals.errors import EvalError
from evals.measures import ANSWER
from evals.results import list_figures

HERE = Path(__file__).parent
TEMPLATE = "report.html.jinja"
MOST_CASES = 60
SHORTENED = 600
Result = Mapping[str, Any]

MEANINGS = {
    "recall@5": "share of the relevant articles among the first five; aim 0.92",
    "ndcg@5": "the same, weighed by place; aim 0.90",
    "decisions.macro_f1": "mean F1 of the decisions; aim at least 0.70",
    "decisions.answered_when_unanswerable": "should not have been answered; aim at most 0.10",
    "decisions.refused_when_answerable": "should have been answered; aim at most 0.15",
    "answers.supported_share": "shown sentences that stand up to a check from outside",
    "answers.citation_precision": "cited articles that are relevant",
    "answers.citation_recall": "relevant articles that are cited",
    "answers.rouge_l": "likeness to a person's answer, by words",
    "answers.similarity": "the same, by meaning (cosine of embeddings)",
    "calibration.ece": "how far stated confidence is from being right; aim at most 0.05",
    "calibration.brier": "mean squared error of the stated confidence",
    "auroc": "chance that a supported sentence scores above an unsupported one; aim 0.95",
    "recall_at_1pct_fpr": "supported sentences found where 1 % of the others slip through",
    "passed": "share of the traps that ended as they should",
    "violations": "said what must not be said; aim none",
}


def write_report(result: Result, path: Path) -> None:
    """Write the page; raises EvalError where that cannot be done."""
    environment = Environment(
        loader=FileSystemLoader(HERE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    page = environment.get_template(TEMPLATE).render(**_compose(result))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(page, encoding="utf-8")
    except OSError as error:
        raise EvalError(f"{path} cannot be written: {error}.") from error


def _compose(result: Result) -> dict[str, Any]:
    cases = result.get("cases", [])
    worst = WORST.get(result["kind"], _list_nothing)
    shown = [{"why": why, "case": case} for why, case in worst(cases)][:MOST_CASES]
    return {
        "result": result,
        "figures": [(name, value, MEANINGS.get(name, "")) for name, value in list_figures(result)],
        "confusion": result.get("decisions", {}).get("confusion"),
        "reliability": _draw_reliability(result),
        "roc": draw_roc(result["roc"]) if result.get("roc") else "",
        "worst": shown,
        "reasons": list(dict.fromkeys(item["why"] for item in shown)),
        "shorten": shorten,
        "meanings": MEANINGS,
    }


def _draw_reliability(result: Result) -> str:
    bins = result.get("calibration", {}).get("bins", [])
    return draw_reliability(bins) if any(b["n"] for b in bins) else ""


def shorten(text: str) -> str:
    """Return the beginning of a text, cut between words."""
    return text if len(text) <= SHORTENED else text[:SHORTENED].rsplit(" ", 1)[0] + " …"


Case = Mapping[str, Any]
Found = Iterator[tuple[str, Case]]


def _list_nothing(cases: Sequence[Case]) -> Found:
    del cases
    yield from ()


def _list_answers(cases: Sequence[Case]) -> Found:
    """Yield the gravest first: unsupported, wrongly answered, failed, refused, least alike."""
    ran = [case for case in cases if "error" not in case]
    answered = [case for case in ran if case["decision"] == ANSWER]
    for case in answered:
        if not all(sentence["supported"] for sentence in case["sentences"]):
            yield "unsupported sentence", case
    for case in answered:
        if case["expect"] != ANSWER:
            yield "answered, and has no answer", case
    yield from (("failed", case) for case in cases if "error" in case)
    alike = [c for c in answered if c["expect"] == ANSWER and "similarity" in c["values"]]
    for case in sorted(alike, key=lambda c: float(c["values"]["similarity"]))[:20]:
        yield "least like the reference", case
    for case in ran:
        if case["expect"] == ANSWER and case["decision"] != ANSWER:
            yield "refused, and has an answer", case


def _list_retrieval(cases: Sequence[Case]) -> Found:
    for case in sorted(cases, key=lambda c: (c["values"]["recall@5"], c["values"]["ndcg@5"])):
        if case["values"]["recall@5"] < 1:
            yield "not found" if case["values"]["recall@5"] == 0 else "found in part", case


def _list_verifier(cases: Sequence[Case]) -> Found:
    slipped = [case for case in cases if case["passed"] and not case["supported"]]
    refused = [case for case in cases if case["supported"] and not case["passed"]]
    for case in sorted(slipped, key=lambda c: -float(c["score"]))[:30]:
        yield "passed, and is not supported", case
    for case in sorted(refused, key=lambda c: float(c["score"]))[:30]:
        yield "refused, and is supported", case


def _list_traps(cases: Sequence[Case]) -> Found:
    yield from (("violation", case) for case in cases if case["violation"])
    for case in cases:
        if not case["passed"] and not case["violation"]:
            yield "not as expected", case


WORST: Mapping[str, Callable[[Sequence[Case]], Found]] = {
    "answers": _list_answers,
    "retrieval": _list_retrieval,
    "verifier": _list_verifier,
    "traps": _list_traps,
}
