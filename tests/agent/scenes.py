"""Passages, hits and dependencies that the agent's tests are played with."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from langgraph.runtime import Runtime

from agent.decision.calibration import Calibration
from agent.decision.decider import Decider
from agent.errors import FrontdeskError
from agent.events import Event
from agent.language.detection import DEFAULT
from agent.ports import Deps
from agent.screening.screener import Screener
from agent.state import Conversation
from agent.verification.verifier import Verifier
from knowledge_base.articles import PUBLIC, Hit, Passage
from tests.fakes.chat_model import FakeChatModel
from tests.fakes.clock import FakeClock
from tests.fakes.encoder import FakeEncoder
from tests.fakes.search import FakeSearch

QUESTION = "When does a refund arrive on my credit card?"
TRUE = "A refund to a credit card arrives 5 to 7 business days after Larkstay sends it."
ALSO_TRUE = "A refund to a debit card arrives 7 to 10 business days after Larkstay sends it."
LIE = "A refund to a credit card arrives 2 to 3 business days after Larkstay sends it."


def make_passage(
    text: str, title: str = "Help", article: str = "help", place: int = 0, audience: str = PUBLIC
) -> Passage:
    return Passage(f"{article}#{place}", article, title, (), text, audience)


REFUNDS = make_passage(f"{TRUE} {ALSO_TRUE}", "How long refunds take", "refund-times")
CANCELLING = make_passage(
    "You can cancel a booking under Trips > Cancel at any time before check-in.",
    "Cancel a booking",
    "cancel-a-booking",
)
GOODWILL = make_passage(
    "A refund to a credit card may be hurried with the code FAST.",
    "Refund override",
    "refund-override",
    audience="staff",
)


def find(passage: Passage, similarity: float, lexical: float, coverage: float) -> Hit:
    return Hit(passage, similarity, similarity, lexical, coverage)


# Evidence as plain as it can be: the trained decider has nothing to weigh.
CLEAR = (find(REFUNDS, 0.86, 24.0, 1.0), find(CANCELLING, 0.3, 3.0, 0.1))
SCANT = (find(CANCELLING, 0.12, 0.5, 0.0), find(REFUNDS, 0.1, 0.4, 0.0))


class English:
    """A detector that takes everything for English."""

    def detect(self, text: str) -> str:
        del text
        return DEFAULT

    def detect_all(self, texts: Sequence[str]) -> list[str]:
        return [self.detect(text) for text in texts]


def make_screener() -> Screener:
    """Return the real screener; by a fake encoder's vectors, only its phrases may judge."""
    trained = Screener.load()
    return replace(trained, thresholds=(1.1,) * len(trained.labels))


@dataclass
class Scene:
    """The dependencies of a test, and the events that came out."""

    texts: Iterable[str | FrontdeskError] = ()
    hits: Sequence[Hit] = CLEAR
    events: list[Event] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.model = FakeChatModel(self.texts, otherwise="NO ANSWER")
        self.search = FakeSearch(self.hits)
        self.encoder = FakeEncoder()
        self.deps = Deps(
            model=self.model,
            search=self.search,
            encoder=self.encoder,
            decider=Decider.load(),
            screener=make_screener(),
            verifier=Verifier(["Larkstay"]),
            languages=English(),
            calibration=Calibration({}),
            clock=FakeClock(),
            company="Larkstay",
        )

    @property
    def runtime(self) -> Runtime[Deps]:
        """What a node is given."""
        return Runtime(context=self.deps, stream_writer=self.events.append)


def begin(question: str = QUESTION, **more: object) -> Conversation:
    """Return the state of a turn that has passages in hand."""
    start: dict[str, object] = {
        "turn_id": "now",
        "question": question,
        "standalone": question,
        "language": "en",
        "audience": PUBLIC,
        "passages": [REFUNDS, CANCELLING],
        "evidence": {"turn_similarity": 0.8},
        "confidence": 0.6,
    }
    return {**start, **more}  # type: ignore[typeddict-item] # keys come from tests
