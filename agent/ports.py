"""What the agent needs from outside, as protocols, and the frozen bundle of them."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol, TypedDict, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from agent.lanes import Lane
from knowledge_base.articles import PUBLIC, Ranking

if TYPE_CHECKING:
    from agent.decision.calibration import Calibration
    from agent.decision.decider import Decider
    from agent.language.detection import LanguageDetector
    from agent.screening.screener import Screener
    from agent.verification.verifier import Verifier


class ChatMessage(TypedDict):
    """A message in a prompt."""

    role: Literal["system", "user", "assistant"]
    content: str


@dataclass(frozen=True, slots=True)
class Completion:
    """What to generate. `schema` is a JSON schema that the text is constrained to.

    `deadline_s` is how long the whole request may take before it fails. `audience` is who may read
    what the messages hold: what was computed for one is never used for another. `small` work may
    be done by a smaller model, where there is one. The first `common` characters of the last
    message, and the messages before it, hold nothing of a customer's: what they led to may be kept
    on disk.
    """

    messages: tuple[ChatMessage, ...]
    max_tokens: int
    temperature: float = 0.0
    seed: int = 0
    stop: tuple[str, ...] = ()
    schema: dict[str, Any] | None = None
    deadline_s: float = 120.0
    lane: Lane = Lane.CHAT
    audience: str = PUBLIC
    small: bool = False
    common: int = 0


@dataclass(slots=True)
class Usage:
    """What a model has done so far, in requests that ended and in tokens.

    `reused_tokens` are those of the prompts that did not have to be computed, `repeated_tokens`
    those of the texts.
    """

    requests: int = 0
    prompt_tokens: int = 0
    reused_tokens: int = 0
    written_tokens: int = 0
    repeated_tokens: int = 0


class ChatModel(Protocol):
    """A language model that streams text.

    Closing the iterator before its end cancels the request and frees the model.
    """

    @property
    def name(self) -> str:
        """The model's name, for provenance."""

    @property
    def sha256(self) -> str:
        """The hash of the model's file, or an empty string where only a server knows it."""

    @property
    def context_tokens(self) -> int:
        """How many tokens a prompt and its completion may have together."""

    def stream(self, request: Completion) -> AsyncIterator[str]:
        """Yield pieces of text as they are generated.

        Raises ModelBusy, ModelFailed or ModelUnusable.
        """

    async def count_tokens(self, messages: Sequence[ChatMessage]) -> int:
        """Return how many tokens the messages take as a prompt."""


class Chance(NamedTuple):
    """A token that was written, and its log-probability among all that could have been."""

    text: str
    log_probability: float


@runtime_checkable
class Scorer(Protocol):
    """A language model that says how likely texts are."""

    async def score(self, request: Completion, continuations: Sequence[str]) -> list[float]:
        """Return for each continuation the log-probability that it follows the messages.

        It waits in its lane as a text does; how a text is to be written is not looked at. Raises
        ModelBusy, ModelFailed or ModelUnusable.
        """

    async def weigh(self, request: Completion) -> list[Chance]:
        """Return the tokens of the text that is generated, each with its log-probability.

        Raises ModelBusy, ModelFailed or ModelUnusable.
        """


@runtime_checkable
class Replaceable(Protocol):
    """A language model in whose place another may come at any moment."""

    def hold(self) -> AbstractContextManager[ChatModel]:
        """Lend the model of this moment, for all of a turn."""


def hold(model: ChatModel) -> AbstractContextManager[ChatModel]:
    """Return the model that is to write all of a turn: what one began, another can't replay."""
    return model.hold() if isinstance(model, Replaceable) else nullcontext(model)


@runtime_checkable
class Metered(Protocol):
    """A language model that counts what it does."""

    @property
    def usage(self) -> Usage:
        """What it has done so far."""


class Search(Protocol):
    """Finds passages."""

    async def search(self, question: str, audience: str, limit: int) -> Ranking:
        """Return at most `limit` hits among the passages that `audience` may read."""


class Clock(Protocol):
    """Tells the time."""

    def monotonic(self) -> float:
        """Return seconds from an arbitrary start, never going back."""


class Encoder(Protocol):
    """Turns texts into vectors."""

    async def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return normalised vectors of shape [len(texts), dimensions]."""


@dataclass(frozen=True, slots=True)
class Deps:
    """All that the graph's nodes use beside the state."""

    model: ChatModel
    search: Search
    encoder: Encoder
    decider: "Decider"
    screener: "Screener"
    verifier: "Verifier"
    languages: "LanguageDetector"
    calibration: "Calibration"
    clock: Clock
    company: str
    seed: int = 0
    lane: Lane = Lane.CHAT
