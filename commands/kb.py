"""`frontdesk kb`: articles in, passages out."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from api.assembly import open_articles, open_embedder, open_knowledge_base
from api.settings import read_settings
from commands.terminal import (
    DataOption,
    Exit,
    JsonOption,
    fail,
    out,
    print_json,
    show_stages,
    warn,
)
from knowledge_base.articles import PUBLIC, Hit
from knowledge_base.ingest import ImportReport, Ingest
from knowledge_base.store import find_generation

app = typer.Typer(no_args_is_help=True)
SHOWN = 300


@app.command(name="import")
def import_articles(
    paths: Annotated[list[Path], typer.Argument(help="Files and folders of articles.")],
    *,
    prune: Annotated[
        bool, typer.Option("--prune", help="Remove articles that the paths no longer hold.")
    ] = False,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take articles in. Unchanged ones cost nothing; changed ones replace their passages."""
    for path in paths:
        if not path.exists():
            raise fail(f"{path}: there is no such file or folder.", Exit.WRONG_USAGE)
    settings = read_settings(data=data)
    with open_articles(settings) as repository, show_stages() as notify:
        ingest = Ingest(repository, open_embedder(settings), settings.index_root, notify)
        report = ingest.import_paths(paths, prune=prune)
    _print_report(report, as_json=as_json)
    if report.unreadable:
        raise typer.Exit(Exit.DONE_IN_PART)


def _print_report(report: ImportReport, *, as_json: bool) -> None:
    for item in report.unreadable:
        warn(f"{item.path}: {item.reason}")
    if report.prune_refused:
        warn(f"Nothing was removed: {report.prune_refused}.")
    if as_json:
        print_json(asdict(report))
        return
    counts = f"{len(report.added)} added, {len(report.changed)} changed, "
    counts += f"{len(report.unchanged)} unchanged, {len(report.removed)} removed"
    if report.unreadable:
        counts += f", {len(report.unreadable)} could not be read"
    out.print(f"Articles: {counts}. Passages embedded: {report.passages_embedded}.")


@app.command()
def search(
    question: Annotated[str, typer.Argument(help="What to look for.")],
    *,
    audience: Annotated[
        str, typer.Option(help="Whose eyes: public, staff, or a segment's name.")
    ] = PUBLIC,
    limit: Annotated[int, typer.Option(min=1, max=50, help="How many passages.")] = 5,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the passages that fit a question best."""
    settings = read_settings(data=data)
    with (
        open_articles(settings) as repository,
        open_knowledge_base(settings, repository) as knowledge_base,
    ):
        ranking = knowledge_base.find(question, audience, limit)
        if not len(knowledge_base):
            warn("There are no articles yet: `frontdesk kb import PATH` takes them in.")
    if as_json:
        print_json([_describe(hit) for hit in ranking.hits])
        return
    for place, hit in enumerate(ranking.hits, 1):
        _print_hit(place, hit)


def _describe(hit: Hit) -> dict[str, object]:
    passage = asdict(hit.passage)
    passage["passage_id"] = passage.pop("id")
    scores = {"score": hit.score, "similarity": hit.similarity, "lexical": hit.lexical}
    return passage | scores | {"coverage": hit.coverage}


def _print_hit(place: int, hit: Hit) -> None:
    passage = hit.passage
    title = " > ".join(part for part in (passage.title, *passage.heading_path) if part)
    out.print(f"{place}. {title}", style="bold", markup=False)
    numbers = f"similarity {hit.similarity:.2f}, BM25 {hit.lexical:.1f}"
    out.print(f"   {passage.id}  {numbers}  ({passage.audience})", style="dim", markup=False)
    text = " ".join(passage.text.split())
    out.print(f"   {text[:SHOWN]}{'…' if len(text) > SHOWN else ''}\n", markup=False)


@app.command()
def status(*, data: DataOption = None, as_json: JsonOption = False) -> None:
    """Say what is in the knowledge base and whether its index is up to date."""
    settings = read_settings(data=data)
    with open_articles(settings) as repository:
        generation, stored = repository.passages()
        facts = {
            "articles": repository.counts(),
            "passages": len(stored),
            "generation": generation,
            "index": "ready" if find_generation(settings.index_root, generation) else "missing",
            "embedder": settings.embedder,
        }
    if as_json:
        print_json(facts)
        return
    table = Table(show_header=False, box=None)
    for name, value in facts.items():
        shown = _list_counts(value) if isinstance(value, dict) else str(value)
        table.add_row(name, shown)
    out.print(table)
    if facts["index"] == "missing" and stored:
        warn("The index is made at the next start, or now with `frontdesk kb rebuild`.")


def _list_counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in sorted(counts.items())) or "none"


@app.command()
def rebuild(*, data: DataOption = None) -> None:
    """Make the index anew from the articles in the database."""
    settings = read_settings(data=data)
    with open_articles(settings) as repository, show_stages() as notify:
        ingest = Ingest(repository, open_embedder(settings), settings.index_root, notify)
        generation = ingest.rebuild()
    out.print(f"The index is new: generation {generation}.")
