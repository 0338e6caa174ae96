"""evals/RESULTS.md: the measured figures, written by the command that measured them."""

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from evals.errors import ResultError

RESULTS = Path(__file__).parent / "RESULTS.md"
HEAD = """\
# Results

Written by `frontdesk eval`; every section is the last whole run of one evaluation on one suite.
"""
SECTION = re.compile(r"(?m)^## ")
Result = Mapping[str, Any]
Row = tuple[str, ...]


def write_results(result: Result, path: Path = RESULTS) -> None:
    """Write the section of this evaluation and suite, and leave the others as they are."""
    sections = _read(path) if path.exists() else {}
    sections[f"{result['kind']} · {result['suite']}"] = _render(result)
    body = "\n".join(f"## {title}\n\n{sections[title]}" for title in sorted(sections))
    try:
        path.write_text(f"{HEAD}\n{body}", encoding="utf-8")
    except OSError as error:
        raise ResultError(f"{path} cannot be written ({error}): try --no-results.") from error


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
        yield from _tabulate(list_rows(result))
        return
    yield from _tabulate([("measure", "value"), *list_rows(result)])
    confusion = result.get("decisions", {}).get("confusion")
    if confusion:
        labels = confusion["labels"]
        yield ""
        counts = zip(labels, confusion["matrix"], strict=True)
        rows = [(label, *map(str, row)) for label, row in counts]
        yield from _tabulate([("expected ↓ decided →", *labels), *rows])


def _tabulate(rows: Iterable[Row]) -> Iterator[str]:
    head, *others = rows
    yield f"| {' | '.join(head)} |"
    yield "|" + " --- |" * len(head)
    yield from (f"| {' | '.join(row)} |" for row in others)


def list_rows(result: Result) -> Iterator[Row]:
    """Yield what is shown at the end: of retrieval a row a search, else a row a figure."""
    if result["kind"] != "retrieval":
        yield from list_figures(result)
        return
    metrics, took = result["metrics"], result.get("ms_by_system", {})
    names = list(metrics["agent"])
    yield ("search", *names, "ms")
    for system, values in metrics.items():
        yield (system, *(f"{values[name]:.3f}" for name in names), str(took.get(system, "–")))


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
