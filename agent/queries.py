"""What is searched for: the question by itself, and with what was said before it."""

from collections.abc import Sequence
from dataclasses import dataclass

from agent.state import Message


@dataclass(frozen=True, slots=True)
class Queries:
    """A turn's texts to search for; all are the question itself where nothing came before.

    `own` is what the customer wrote, `standalone` the same put so that it can be understood alone,
    `turn` begins with the customer's message before, `reply` with what the customer was answered,
    and `replied` is that answer alone: its words are often those of the passage that is wanted.
    """

    own: str
    standalone: str
    turn: str
    reply: str
    replied: str


# How much each ranking counts; `own` is only looked at as evidence. A plateau in a grid search on
# MTRAG-UN: see docs/decisions/0005.
WEIGHTS = {"own": 0.0, "standalone": 1.0, "turn": 1.0, "reply": 0.5, "replied": 0.2}


def make_queries(question: str, standalone: str, history: Sequence[Message]) -> Queries:
    """Return what to search for after this history, oldest message first."""
    asked = _last(history, customer=True)
    replied = _last(history, customer=False)
    return Queries(
        own=question,
        standalone=standalone,
        turn=f"{asked} {question}".strip(),
        reply=f"{replied} {question}".strip(),
        replied=replied or question,
    )


def _last(history: Sequence[Message], *, customer: bool) -> str:
    fitting = (m.text for m in reversed(history) if (m.role == "customer") is customer)
    return next(fitting, "")
