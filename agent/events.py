"""What a turn emits while it runs, in this order: sources, then one outcome's events, then done."""

from typing import Annotated, Literal

from pydantic import Field

from agent.state import Reason, Reply, Sentence, Source, Value


class Sources(Value):
    """The passages found, before a word is generated."""

    type: Literal["sources"] = "sources"
    sources: list[Source]


class SentenceVerified(Value):
    """A sentence that may be shown."""

    type: Literal["sentence"] = "sentence"
    sentence: Sentence


class Clarification(Value):
    """A short question back to the customer."""

    type: Literal["clarification"] = "clarification"
    question: str


class HandedOff(Value):
    """The conversation is a person's now."""

    type: Literal["handed_off"] = "handed_off"
    reason: Reason
    text: str


class Done(Value):
    """The turn has ended; `reply` holds all of it."""

    type: Literal["done"] = "done"
    turn_id: str
    reply: Reply


Event = Annotated[
    Sources | SentenceVerified | Clarification | HandedOff | Done, Field(discriminator="type")
]
