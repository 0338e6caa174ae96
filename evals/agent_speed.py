"""How many turns a minute the whole agent answers, beside the usual tutorial."""

from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import replace
from uuid import uuid4

from agent.assistant import Assistant
from agent.checkpoints import make_memory_checkpoints
from agent.events import Clarification, HandedOff, SentenceVerified
from agent.ports import Deps
from evals.suites import Case
from knowledge_base.articles import PUBLIC

Ask = Callable[[Case, str], AsyncIterator[str]]


def open_agent(deps: Deps) -> Ask:
    """Return what asks the agent: each case in a conversation of its own, with its history.

    The load's name is the company's, with which each prompt begins.
    """

    async def ask(case: Case, load: str) -> AsyncIterator[str]:
        assistant = Assistant(replace(deps, company=load), make_memory_checkpoints())
        identity = uuid4().hex
        turn = assistant.reply(identity, identity, case.question, PUBLIC, case.history)
        async with aclosing(turn) as events:
            async for event in events:
                if isinstance(event, SentenceVerified):
                    yield event.sentence.text
                elif isinstance(event, Clarification):
                    yield event.question
                elif isinstance(event, HandedOff):
                    yield event.text

    return ask
