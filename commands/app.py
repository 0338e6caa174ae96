"""The application that Typer runs, and the errors that it explains."""

import sys

import typer

from agent.errors import FrontdeskError
from api.settings import SettingsError
from commands import (
    ask,
    bench,
    doctor,
    eval,  # noqa: A004 - the command's name
    kb,
    key,
    mcp,
    models,
    serve,
    site,
    staff,
    train,
    triage,
    webhook,
)
from commands.terminal import Exit, err, fail
from knowledge_base.errors import KnowledgeBaseError

app = typer.Typer(
    name="frontdesk",
    help="A customer-service agent that runs on your own machine, on your own help articles.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(models.app, name="models", help="The models: list, pull, verify.")
app.add_typer(kb.app, name="kb", help="The knowledge base: import, search, status, rebuild.")
app.add_typer(
    eval.app, name="eval", help="How good it is: retrieval, answers, verifier, traps, triage."
)
app.add_typer(bench.app, name="bench", help="How fast it is: triage, engine.")
app.add_typer(staff.app, name="staff", help="Who works at the desk: add, list, disable, password.")
app.add_typer(site.app, name="site", help="The websites that the widget is on.")
app.add_typer(key.app, name="key", help="Keys of programs: add, list, revoke.")
app.add_typer(
    webhook.app, name="webhook", help="Who is told what happens: add, list, disable, test, retry."
)
app.add_typer(train.app, name="train", help="Learn from what people decided: triage.")
app.command(name="ask")(ask.ask)
app.command(name="triage")(triage.triage)
app.command(name="serve")(serve.serve)
app.command(name="mcp")(mcp.serve_mcp)
app.command(name="doctor")(doctor.doctor)


def main() -> None:
    """Run the command line and exit with its code."""
    try:
        app()
    except (FrontdeskError, KnowledgeBaseError) as error:
        sys.exit(fail(str(error)).exit_code)
    except SettingsError as error:
        sys.exit(fail(str(error), Exit.WRONG_USAGE).exit_code)
    except KeyboardInterrupt:
        err.print("Stopped. The same command goes on from here.")
        sys.exit(130)
