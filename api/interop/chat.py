"""What an OpenAI client sends, read as a question with its history."""

from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from agent.ports import ChatMessage
from agent.state import Message
from api.interop.refusals import RequestRefused
from api.schemas import Plain

MODEL: Final = "frontdesk"
INSTRUCTIONS = frozenset({"system", "developer"})
LONGEST_NAME = 64
TOOLS = frozenset({"tool", "function"})
# What would change the form of a reply, each with the values that ask for nothing.
UNSUPPORTED: dict[str, tuple[Any, ...]] = {
    "n": (None, 1),
    "tools": (None, []),
    "functions": (None, []),
    "tool_choice": (None, "none", "auto"),
    "function_call": (None, "none", "auto"),
    "logprobs": (None, False),
    "top_logprobs": (None, 0),
    "logit_bias": (None, {}),
    "stop": (None, "", []),
    "response_format": (None, {"type": "text"}),
    "modalities": (None, [], ["text"]),
    "audio": (None,),
    "prediction": (None,),
    "web_search_options": (None,),
}


class Part(BaseModel):
    """A part of a message; only text is read."""

    model_config = ConfigDict(frozen=True)

    type: str = Field(examples=["text"])
    text: Plain | None = None


class SaidMessage(BaseModel):
    """A message of the conversation so far."""

    model_config = ConfigDict(frozen=True)

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: Plain | list[Part] | None = None


class StreamOptions(BaseModel):
    """What a stream holds beside the reply."""

    model_config = ConfigDict(frozen=True)

    include_usage: bool | None = None


class ChatRequest(BaseModel):
    """OpenAI's request. What tunes a model (`temperature`, `max_tokens`, …) is left unread."""

    model_config = ConfigDict(
        frozen=True,
        extra="allow",
        json_schema_extra={
            "example": {
                "model": MODEL,
                "messages": [{"role": "user", "content": "When is check-in?"}],
            }
        },
    )

    model: str
    messages: list[SaidMessage] = Field(min_length=1)
    stream: bool | None = None
    stream_options: StreamOptions | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """A question, what was said before it, and the names of what was left unread."""

    question: str
    history: tuple[Message, ...]
    ignored: tuple[str, ...]


def read_request(request: ChatRequest, longest: int) -> Asked:
    """Return what is asked; raises RequestRefused."""
    if request.model != MODEL:
        message = f"There is no such model; the only one is `{MODEL}`."
        raise RequestRefused(message, "model", "model_not_found", HTTPStatus.NOT_FOUND)
    given = request.model_extra or {}
    for name, harmless in UNSUPPORTED.items():
        if given.get(name) not in harmless:
            raise RequestRefused(
                f"`{name}` is not supported here with this value; leave it out.",
                name,
                "unsupported_parameter",
            )
    said = list(_read_messages(request.messages))
    question = _read_question(request.messages, said, longest)
    return Asked(question, tuple(said[:-1]), tuple(_list_ignored(request, given)))


def as_prompt(asked: Asked, text: str = "") -> list[ChatMessage]:
    """Return the conversation as a model's messages, with a reply if there is one."""
    roles: dict[str, Literal["user", "assistant"]] = {"customer": "user"}
    said = [*asked.history, Message(role="customer", text=asked.question)]
    if text:
        said.append(Message(role="agent", text=text))
    return [{"role": roles.get(m.role, "assistant"), "content": m.text} for m in said]


def _read_messages(messages: list[SaidMessage]) -> Iterator[Message]:
    for place, message in enumerate(messages):
        if message.role in TOOLS:
            raise RequestRefused(
                "Tools are not supported here; leave their messages out.",
                f"messages.{place}.role",
                "unsupported_value",
            )
        text = _read_text(message, place)
        if message.role not in INSTRUCTIONS and text.strip():
            yield Message(role="customer" if message.role == "user" else "agent", text=text)


def _read_text(message: SaidMessage, place: int) -> str:
    if not isinstance(message.content, list):
        return message.content or ""
    for part in message.content:
        if part.type != "text":
            raise RequestRefused(
                "Only text can be read here: no images, sound or files.",
                f"messages.{place}.content",
                "unsupported_value",
            )
    return "\n".join(part.text or "" for part in message.content)


def _read_question(messages: list[SaidMessage], said: list[Message], longest: int) -> str:
    last = f"messages.{len(messages) - 1}"
    spoken = [message for message in messages if message.role not in INSTRUCTIONS]
    asks = bool(spoken) and spoken[-1].role == "user" and _read_text(spoken[-1], 0).strip()
    if not asks:
        message = "The last message has to be the user's question, in words."
        raise RequestRefused(message, last, "invalid_value")
    if len(said[-1].text) > longest:
        message = f"The question has more than {longest} characters."
        raise RequestRefused(message, last, "string_above_max_length")
    return said[-1].text


def _list_ignored(request: ChatRequest, given: dict[str, Any]) -> Iterator[str]:
    if any(message.role in INSTRUCTIONS for message in request.messages):
        yield "system messages"
    for name in sorted(given):
        if given[name] is not None and name not in UNSUPPORTED and len(name) <= LONGEST_NAME:
            yield name
