"""`frontdesk ask`: the agent, without a server."""

import json
import sys
from pathlib import Path
from typing import Annotated

import anyio
import typer
from pydantic import TypeAdapter, ValidationError

from agent.events import Done, Event
from agent.state import Message, Outcome, Reply
from api.assembly import open_one_off_assistant
from api.settings import Settings, read_settings
from commands.terminal import DataOption, Exit, JsonOption, dump, err, fail, out, print_json
from knowledge_base.articles import PUBLIC

HISTORY = TypeAdapter(list[Message])
COLOURS = {
    Outcome.ANSWERED: "green",
    Outcome.CLARIFIED: "cyan",
    Outcome.ABSTAINED: "yellow",
    Outcome.HANDED_OFF: "magenta",
}


def ask(
    question: Annotated[str, typer.Argument(help="The customer's question.")],
    *,
    history: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help='What was said before, as JSON: [{"role": "customer"|"agent", "text": …}].',
        ),
    ] = None,
    audience: Annotated[
        str, typer.Option(help="Who asks: public, staff, or a segment's name.")
    ] = PUBLIC,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Ask the agent one question."""
    settings = read_settings(data=data)
    _check(question, settings)
    said = _read_history(history) if history else []
    with err.status("Starting the model…", spinner="dots"):
        reply = anyio.run(_ask, settings, question, audience, said)
    if as_json:
        print_json(dump(reply))
    else:
        _print_reply(reply)


def _check(question: str, settings: Settings) -> None:
    if not question.strip():
        raise fail("The question is empty.", Exit.WRONG_USAGE)
    if len(question) > settings.max_message_chars:
        raise fail(
            f"The question has {len(question)} characters; at most "
            f"{settings.max_message_chars} are read (FRONTDESK_MAX_MESSAGE_CHARS).",
            Exit.WRONG_USAGE,
        )


def _read_history(path: Path) -> list[Message]:
    try:
        text = sys.stdin.read() if str(path) == "-" else path.read_text(encoding="utf-8")
        rows = json.loads(text)
        return HISTORY.validate_python(rows["history"] if isinstance(rows, dict) else rows)
    except OSError as error:
        raise fail(f"{path}: {error.strerror}.", Exit.WRONG_USAGE) from error
    except (ValueError, KeyError, ValidationError) as error:
        raise fail(
            f"{path}: this is not a history; it should be JSON such as "
            '[{"role": "customer", "text": "…"}, {"role": "agent", "text": "…"}].',
            Exit.WRONG_USAGE,
        ) from error


async def _ask(settings: Settings, question: str, audience: str, history: list[Message]) -> Reply:
    async with open_one_off_assistant(settings) as assistant:
        last: Event | None = None
        async for event in assistant.reply("ask", "ask", question, audience, history):
            last = event
    assert isinstance(last, Done)
    return last.reply


def _print_reply(reply: Reply) -> None:
    places = {source.passage_id: n for n, source in enumerate(reply.sources, 1)}
    if reply.sentences:
        for sentence in reply.sentences:
            marks = "".join(f"[{places[i]}]" for i in sentence.citations if i in places)
            out.print(f"{sentence.text} {marks}", markup=False)
        out.print()
        cited = {i for sentence in reply.sentences for i in sentence.citations}
        for source in reply.sources:
            if source.passage_id in cited:
                title = " > ".join(part for part in (source.title, *source.heading_path) if part)
                line = f"[{places[source.passage_id]}] {title} ({source.passage_id})"
                out.print(line, style="dim", markup=False)
    else:
        out.print(reply.text, markup=False)
    seconds = f"confidence {reply.confidence:.2f}, {reply.timings.total_s:.1f} s"
    colour = COLOURS[reply.outcome]
    out.print(f"{reply.outcome.value}: {reply.reason.value}, {seconds}", style=colour)
