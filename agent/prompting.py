"""Prompts put together, and cut to what the model can read."""

import re
from collections.abc import Sequence
from dataclasses import replace

from agent.ports import ChatMessage, ChatModel, Completion, Deps
from agent.state import Message
from agent.verification.evidence import read_units
from knowledge_base.articles import PUBLIC, Passage
from prompts import render

RELATIVE_LINK = re.compile(r"\[([^\]]+)\]\((?!https?:|mailto:)[^)]*\)")
EMPHASIS = re.compile(r"\*\*|__")
STOP = ("<passage", "<question")
ANSWER_TOKENS = 160
CONDENSED_TOKENS = 48
QUESTION = "<question>"
LAST_TURNS = 4
LONGEST_TURN = 320


async def build_answer(deps: Deps, question: str, passages: Sequence[Passage]) -> Completion:
    """Return the request for an answer, with as many passages, best first, as there is room for.

    Where even one is too long, its last sentences go.
    """
    kept = list(passages)
    while True:
        messages = write_answer_messages(deps.company, question, kept)
        if await _fits(deps.model, messages) or not kept:
            audiences = sorted({passage.audience for passage in kept} - {PUBLIC})
            return Completion(
                messages,
                ANSWER_TOKENS,
                seed=deps.seed,
                stop=STOP,
                lane=deps.lane,
                audience=" ".join(audiences) or PUBLIC,
                common=_count_common(messages),
            )
        if len(kept) > 1:
            kept.pop()
        else:
            kept = _shorten(kept[0])


def build_warm_up(company: str) -> Completion:
    """Return a request that leaves behind the state of what every answer's prompt begins with."""
    messages = write_answer_messages(company, "Hello", ())
    return Completion(messages, max_tokens=1, common=_count_common(messages))


def _count_common(messages: Sequence[ChatMessage]) -> int:
    """Return how many characters of the last message come before the question."""
    return messages[-1]["content"].index(QUESTION)


def write_answer_messages(
    company: str, question: str, passages: Sequence[Passage]
) -> tuple[ChatMessage, ...]:
    """Return the messages that ask for an answer from passages."""
    shown = [_show(passage) for passage in passages]
    return (
        {"role": "system", "content": render("answer_system", company=company)},
        {"role": "user", "content": render("answer", passages=shown, question=mark_off(question))},
    )


def _show(passage: Passage) -> dict[str, str]:
    title = " > ".join((passage.title, *passage.heading_path))
    return {"title": mark_off(title), "text": mark_off(_drop_markup(passage.text))}


def build_condensation(deps: Deps, question: str, history: Sequence[Message]) -> Completion:
    """Return the request for a question that stands alone, from the latest turns."""
    recent = list_recent(history, LAST_TURNS)
    asked = render("condense", history=recent, question=mark_off(question))
    messages: tuple[ChatMessage, ...] = (
        {"role": "system", "content": render("condense_system")},
        {"role": "user", "content": asked},
    )
    return Completion(
        messages, CONDENSED_TOKENS, seed=deps.seed, stop=("\n",), lane=deps.lane, small=True
    )


def list_recent(history: Sequence[Message], most: int) -> list[dict[str, str]]:
    """Return the latest messages, as many as `most`, cut and marked off for a prompt."""
    return [
        {"role": message.role, "text": mark_off(_clip(message.text))} for message in history[-most:]
    ]


async def _fits(model: ChatModel, messages: Sequence[ChatMessage]) -> bool:
    return await model.count_tokens(messages) + ANSWER_TOKENS <= model.context_tokens


def _shorten(passage: Passage) -> list[Passage]:
    units = [unit.text for unit in read_units(passage)]
    if len(units) <= 1:
        return []
    return [replace(passage, text="\n".join(units[: max(1, len(units) * 2 // 3)]))]


def _drop_markup(text: str) -> str:
    """Take out what the model would copy: link targets and emphasis. Addresses in full stay."""
    return EMPHASIS.sub("", RELATIVE_LINK.sub(r"\1", text))


def mark_off(text: str) -> str:
    """Keep text from closing the tags that mark it off as data."""
    return text.replace("<", "‹").replace(">", "›").replace('"', "”")


def _clip(text: str) -> str:
    return text if len(text) <= LONGEST_TURN else text[:LONGEST_TURN].rsplit(" ", 1)[0] + " …"
