"""evals/RESULTS.md: the measured figures, written by the command that measured them."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "RESULTS.md"
HEAD = """\
# Results

Written by `frontdesk eval`; every section is the last whole run of one evaluation on one suite.
"""
SECTION = re.compile(r"(?m)^## ")
Result = Mapping[str, Any]


def write_results(result: Result, path: Path = RESULTS) -> None:
    """Write the section of this evaluation and suite, and leave the others as they are."""
    sections = _read(path) if path.exists() else {}
    sections[f"{result['kind']} · {result['suite']}"] = _render(result)
    body = "\n".join(f"## {title}\n\n{sections[title]}" for title in sorted(sections))
    path.write_text(f"{HEAD}\n{body}", encoding="utf-8")


def _read(path: Path) -> dict[str, str]:
    _, *sections = SECTION.split(path.read_text(encoding="utf-8"))
    titled = (section.partition("\n") for section in sections)
    return {title.strip(): body.strip() + "\n" for title, _, body in titled}


def _render(result: Result) -> str:
    made = result["provenance"]
    dirty = ", with uncommitted changes" if made["dirty"] else ""
    facts = (
        f"{result['n']} cases; {made['made_at'][:10]}; {made['machine']}.  \n"
        f"`{made['command']}`  \n"
        f"commit `{made['commit'][:12]}`{dirty}; suite `{result['suite_sha256'][:16]}`; "
        f"model {made['model']} `{made['model_sha256'][:16]}`; embedder `{made['embedder']}`; "
        f"prompts `{made['prompt_version']}`\n"
    )
    return facts + "\n" + "\n".join(_list_tables(result)) + "\n"


def _list_tables(result: Result) -> Iterator[str]:
    if result["kind"] == "retrieval":
        yield from _tabulate_metrics(result["metrics"])
        yield f"\n{result['ms_per_query']} ms a query as the agent searches (median)."
    else:
        yield "| measure | value |"
        yield "| --- | --- |"
        yield from (f"| {name} | {value} |" for name, value in list_figures(result))


def _tabulate_metrics(metrics: Mapping[str, Mapping[str, float]]) -> Iterator[str]:
    names = list(next(iter(metrics.values())))
    yield f"| search | {' | '.join(names)} |"
    yield "| --- |" + " --- |" * len(names)
    for system, values in metrics.items():
        yield f"| {system} | " + " | ".join(f"{values[name]:.3f}" for name in names) + " |"


def list_figures(result: Result) -> Iterator[tuple[str, str]]:
    """Yield a result's figures by name, nested names joined by dots."""
    hidden = {"kind", "suite", "suite_sha256", "provenance", "n", "cases", "bins", "roc"}
    shown = {name: value for name, value in result.items() if name not in hidden}
    yield from _flatten("", shown)


def _flatten(above: str, value: object) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for name, inner in value.items():
            if name not in {"bins", "confusion", "roc"}:
                yield from _flatten(f"{above}.{name}" if above else str(name), inner)
    elif isinstance(value, float):
        yield above, f"{value:.3f}"
    elif not isinstance(value, list):
        yield above, "–" if value is None else str(value)
    elif above == "violations":
        yield above, ", ".join(map(str, value)) or "none"
