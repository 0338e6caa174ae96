"""Briefing a person: one line that says what the customer wants."""

import re
from collections.abc import Sequence

from agent.lanes import Lane
from agent.ports import ChatMessage, Completion, Deps
from agent.prompting import list_recent
from agent.state import Message
from prompts import render

TOKENS = 48
LATEST = 8
LONGEST = 160
NUMBER = re.compile(r"\d[\d.,:]*")


async def summarise(deps: Deps, conversation: Sequence[Message]) -> str:
    """Return one line about the conversation, which has at least one message of the customer's.

    It is the model's unless that brings in numbers that nobody said; then it is the customer's
    own last message. Raises what the model raises.
    """
    messages: tuple[ChatMessage, ...] = (
        {"role": "system", "content": render("summarise_system")},
        {"role": "user", "content": render("summarise", history=list_recent(conversation, LATEST))},
    )
    request = Completion(messages, TOKENS, seed=deps.seed, stop=("\n",), lane=Lane.DESK, small=True)
    said = "".join([piece async for piece in deps.model.stream(request)])
    line = said.strip().removeprefix("Customer: ")
    return line if line and _is_faithful(line, conversation) else quote_last(conversation)


def quote_last(conversation: Sequence[Message]) -> str:
    """Return the customer's last message, cut to one line."""
    said = [message.text for message in conversation if message.role == "customer"]
    line = " ".join(said[-1].split())
    return line if len(line) <= LONGEST else line[:LONGEST].rsplit(" ", 1)[0] + " …"


def _is_faithful(line: str, conversation: Sequence[Message]) -> bool:
    said = " ".join(message.text for message in conversation)
    return set(NUMBER.findall(line)) <= set(NUMBER.findall(said))
