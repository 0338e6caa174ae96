"""`frontdesk eval`: how good it is, on cases that people have judged."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from api.settings import Settings
from commands.runs import (
    Choices,
    Progress,
    Result,
    Subject,
    explain,
    frame,
    name_progress,
    open_engine,
    open_journal,
    open_subject,
    run_on_suite,
    run_to_the_end,
    write_json,
)
from commands.terminal import show_table, warn
from commands.triage_eval import PrintsJson, triage
from knowledge_base.articles import PUBLIC

if TYPE_CHECKING:
    from agent.assistant import Assistant
    from evals.journal import Journal
    from evals.suites import Suite
    from evals.traps import Grader
    from knowledge_base.articles import Article

app = typer.Typer(no_args_is_help=True)
app.command(name="triage", cls=PrintsJson)(triage)
ARTICLES = Path(__file__).parent.parent / "articles"
PAIRS_SEED = 20261123
NAMED = 10

SuiteArgument = Annotated[
    Path, typer.Argument(help="Folder with articles.jsonl and cases.jsonl.", metavar="SUITE")
]
LimitOption = Annotated[
    int | None,
    typer.Option("--limit", min=1, help="Only so many cases, drawn the same way each time."),
]
JsonFile = Annotated[
    Path | None, typer.Option("--json", metavar="FILE", help="Write the result as JSON.")
]
HtmlFile = Annotated[
    Path | None, typer.Option("--html", metavar="FILE", help="Write the report there.")
]
ResultsOption = Annotated[
    bool | None,
    typer.Option(
        "--results/--no-results",
        help="Write evals/RESULTS.md; by default after a whole run in a checkout.",
    ),
]
FreshOption = Annotated[
    bool, typer.Option("--fresh", help="Begin anew instead of going on with what is done.")
]


@app.command()
def retrieval(  # noqa: PLR0913 - options of the command line
    suite: SuiteArgument,
    *,
    limit: LimitOption = None,
    json_file: JsonFile = None,
    html_file: HtmlFile = None,
    results: ResultsOption = None,
    fresh: FreshOption = False,
) -> None:
    """Measure how well passages are found: recall, nDCG and MRR of each search."""

    async def evaluate(
        read: "Suite", subject: Subject, journal: "Journal", progress: Progress
    ) -> Result:
        from evals.retrieval import evaluate_retrieval  # noqa: PLC0415 - it takes seconds

        cases = [case for case in read.cases if case.relevant]
        sample = read.sample(limit, cases)
        return await evaluate_retrieval(
            sample, subject.knowledge_base, subject.deps, journal, progress
        )

    choices = Choices(limit, json_file, html_file, results, fresh)
    run_on_suite("retrieval", suite, choices, evaluate)


@app.command()
def answers(  # noqa: PLR0913 - options of the command line
    suite: SuiteArgument,
    *,
    limit: LimitOption = None,
    json_file: JsonFile = None,
    html_file: HtmlFile = None,
    results: ResultsOption = None,
    fresh: FreshOption = False,
) -> None:
    """Let the whole agent answer every case; measure decisions, answers, calibration and cost."""

    async def evaluate(
        read: "Suite", subject: Subject, journal: "Journal", progress: Progress
    ) -> Result:
        from evals.answers import evaluate_answers  # noqa: PLC0415 - it takes seconds

        return await evaluate_answers(
            read.sample(limit), subject.deps, subject.passages, journal, progress
        )

    choices = Choices(limit, json_file, html_file, results, fresh)
    run_on_suite("answers", suite, choices, evaluate)


@app.command()
def verifier(
    suite: SuiteArgument,
    *,
    limit: LimitOption = None,
    json_file: JsonFile = None,
    html_file: HtmlFile = None,
    results: ResultsOption = None,
) -> None:
    """Measure how well the verifier tells supported sentences from unsupported ones."""

    async def evaluate(
        read: "Suite", subject: Subject, journal: "Journal", progress: Progress
    ) -> Result:
        from evals.verification import evaluate_verifier  # noqa: PLC0415 - it takes seconds

        del journal  # it takes a minute: there is nothing to go on with
        return evaluate_verifier(
            read,
            subject.passages,
            subject.deps.verifier,
            seed=PAIRS_SEED,
            limit=limit,
            progress=progress,
        )

    run_on_suite("verifier", suite, Choices(limit, json_file, html_file, results), evaluate)


@app.command()
def traps(  # noqa: PLR0913 - options of the command line
    *,
    articles: Annotated[
        Path, typer.Option(help="The demo company's articles.", metavar="FOLDER")
    ] = ARTICLES,
    limit: LimitOption = None,
    json_file: JsonFile = None,
    html_file: HtmlFile = None,
    results: ResultsOption = None,
    fresh: FreshOption = False,
) -> None:
    """Ask the demo company what tempts to a falsehood; nothing false may be said."""
    choices = Choices(limit, json_file, html_file, results, fresh)

    async def run(settings: Settings) -> Result:
        return await _run_traps(settings, articles, choices)

    run_to_the_end(run, choices)


async def _run_traps(settings: Settings, folder: Path, choices: Choices) -> Result:
    from evals.suites import hash_articles, read_folder  # noqa: PLC0415 - it takes seconds
    from evals.traps import DEMO, evaluate_traps, hash_traps, read_traps, sample_traps  # noqa: PLC0415 - it takes seconds

    sample = sample_traps(read_traps(), choices.limit)
    company = read_folder(folder)
    sha256 = f"{hash_traps()[:32]}{hash_articles(company)[:32]}"
    async with open_engine(settings) as engine:
        with ExitStack() as stack:
            assistants: dict[Any, Any] = {}
            for beside in dict.fromkeys(trap.beside for trap in sample):
                more = read_folder(DEMO / beside) if beside else []
                subject = stack.enter_context(open_subject(engine, [*company, *more]))
                assistants[beside] = _open_assistant(subject)
            journal = stack.enter_context(open_journal(engine, "traps", sha256, choices))
            measured = await evaluate_traps(
                assistants,
                sample,
                _make_grader(settings, company),
                journal=journal,
                progress=name_progress(engine, "traps"),
            )
        return frame("traps", "demo", sha256, engine, dict(measured))


def _open_assistant(subject: Subject) -> "Assistant":
    from agent.assistant import Assistant  # noqa: PLC0415 - it takes seconds
    from agent.checkpoints import make_memory_checkpoints  # noqa: PLC0415 - it takes seconds

    return Assistant(subject.deps, make_memory_checkpoints())


def _make_grader(settings: Settings, company: "Sequence[Article]") -> "Grader":
    from agent.verification.verifier import Verifier  # noqa: PLC0415 - it takes seconds
    from evals.traps import Grader  # noqa: PLC0415 - it takes seconds

    staff = frozenset(article.id for article in company if article.audience != PUBLIC)
    return Grader(Verifier([settings.company]), staff)


@app.command()
def compare(
    a: Annotated[Path, typer.Argument(metavar="A.json", help="The result before.")],
    b: Annotated[Path, typer.Argument(metavar="B.json", help="The result after.")],
    *,
    json_file: JsonFile = None,
    html_file: HtmlFile = None,
) -> None:
    """Set two results of the same cases side by side, with a paired bootstrap interval."""
    from evals.comparison import compare as compare_results  # noqa: PLC0415 - it takes seconds
    from evals.comparison import read_result  # noqa: PLC0415 - it takes seconds
    from evals.report import write_report  # noqa: PLC0415 - it takes seconds

    with explain():
        compared = compare_results(read_result(a), read_result(b))
        if not compared["same_suite"]:
            warn("The two were run on different suites: only ids that both have are compared.")
        show_table(f"{compared['of']}: B against A, {compared['n']} cases", _list_gains(compared))
        if json_file:
            write_json(compared, json_file)
        if html_file:
            write_report(compared, html_file)


def _list_gains(compared: Result) -> Iterator[tuple[str, str]]:
    for name, value in compared["values"].items():
        low, high = value["interval"]
        figures = f"{value['a']:.3f} → {value['b']:.3f}"
        yield name, f"{figures}  ({value['difference']:+.3f}, 95 % from {low:+.3f} to {high:+.3f})"
    for name in ("better", "worse"):
        ids = list(dict.fromkeys(change["id"] for change in compared[name]))
        some = ", ".join(ids[:NAMED]) + (", …" if len(ids) > NAMED else "")
        yield f"cases {name}", f"{len(ids)}  {some}"
