"""The words a turn is described in, and the state that the graph keeps of a conversation."""

from enum import StrEnum
from typing import Annotated, Literal, TypedDict

from pydantic import BaseModel, ConfigDict

from knowledge_base.articles import Passage

# What a person wrote is kept among the exchanges, under this and the message's id.
PERSON_KEY = "person:"


class Outcome(StrEnum):
    """How a turn ended."""

    ANSWERED = "answered"
    CLARIFIED = "clarified"
    ABSTAINED = "abstained"
    HANDED_OFF = "handed_off"


class Reason(StrEnum):
    """Why a turn ended as it did."""

    SUPPORTED = "supported"
    QUOTED = "quoted"
    VAGUE = "vague"
    NO_EVIDENCE = "no_evidence"
    MODEL_DECLINED = "model_declined"
    UNSUPPORTED = "unsupported"
    ASKED_FOR_PERSON = "asked_for_person"
    UPSET = "upset"
    UNSAFE = "unsafe"
    OUT_OF_POLICY = "out_of_policy"
    ABSTAINED_TWICE = "abstained_twice"
    WITH_PERSON = "with_person"


class Value(BaseModel):
    """A value object: frozen, and strict about what it is made of."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Message(Value):
    """Something said in a conversation."""

    role: Literal["customer", "agent", "person"]
    text: str


class Source(Value):
    """A passage in hand while a reply was made, as the customer may see it."""

    passage_id: str
    article_id: str
    title: str
    heading_path: list[str]
    text: str


class Sentence(Value):
    """A verified sentence and the ids of the passages that support it."""

    text: str
    citations: list[str]


class Timings(Value):
    """Seconds since the turn began; None for what did not happen."""

    first_source_s: float | None = None
    first_sentence_s: float | None = None
    total_s: float


class Provenance(Value):
    """What is needed, beside the sources, to make the same reply again."""

    model: str
    model_sha256: str
    prompt_version: str
    index_generation: int
    seed: int


class Reply(Value):
    """All that a turn came to. `language` is an ISO 639-1 code: what the customer wrote in."""

    outcome: Outcome
    reason: Reason
    confidence: float
    text: str
    sentences: list[Sentence]
    sources: list[Source]
    timings: Timings
    provenance: Provenance
    language: str = "en"


class Suggestion(Value):
    """What a person may send; `internal` are the ids of the sources that customers may not see.

    Without sentences there is nothing to send: the sources are what comes nearest.
    """

    outcome: Outcome
    text: str
    sentences: list[Sentence]
    sources: list[Source]
    internal: list[str]


class Turn(Value):
    """One question and what it came to; `reply` is None until the turn has ended."""

    id: str
    question: str
    reply: Reply | None = None


class Wish(StrEnum):
    """What a turn is for beside its words."""

    PERSON = "person"
    SUGGESTION = "suggestion"


class Exchange(Value):
    """A finished turn, as later turns need to know it; a person's message has no question."""

    question: str
    text: str
    outcome: Outcome


def merge_exchanges(kept: dict[str, Exchange], new: dict[str, Exchange]) -> dict[str, Exchange]:
    """Add finished turns by id, so that a turn that is run again is kept once."""
    return {**(kept or {}), **new}


class Conversation(TypedDict, total=False):
    """The graph's state. `given` is history that was made elsewhere; the rest is this turn's."""

    turns: Annotated[dict[str, Exchange], merge_exchanges]
    given: list[Message]
    turn_id: str
    question: str
    wish: Wish | None
    audience: str
    language: str
    standalone: str
    passages: list[Passage]
    evidence: dict[str, float]
    index_generation: int
    outcome: Outcome
    reason: Reason
    confidence: float
    text: str
    sentences: list[Sentence]


def read_history(state: Conversation) -> list[Message]:
    """Return all that was said before this turn, oldest first."""
    history = list(state.get("given", []))
    for key, exchange in state.get("turns", {}).items():
        if key != state.get("turn_id"):
            role: Literal["person", "agent"] = "person" if key.startswith(PERSON_KEY) else "agent"
            history += [
                Message(role="customer", text=exchange.question),
                Message(role=role, text=exchange.text),
            ]
    return [message for message in history if message.text]


def read_last_outcome(state: Conversation) -> Outcome | None:
    """Return how the turn before this one ended, None in a new conversation."""
    before = [e for turn_id, e in state.get("turns", {}).items() if turn_id != state["turn_id"]]
    return before[-1].outcome if before else None
