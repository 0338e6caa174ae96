"""Answer from the passages in hand, one verified sentence after the other."""

import re
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field

from langgraph.runtime import Runtime

from agent.events import SentenceVerified
from agent.excerpts import make_excerpts
from agent.ports import Deps
from agent.prompting import build_answer
from agent.quotation import Quotation, find_quotation
from agent.relevance import gives_what_is_asked, speaks_of_what_is_named
from agent.state import Conversation, Outcome, Reason, Sentence
from agent.verification.evidence import Unit
from agent.verification.sentences import SentenceStream, read_citations
from knowledge_base.articles import PUBLIC, Passage

MOST_SENTENCES = 3
# How many passages that are like a sentence are looked through for one that says otherwise.
WITNESSES = 8
DECLINED = re.compile(
    r"(?i)\b(?:I do(?:n['’]t| not) know|no answer|passages? do(?:es)? not)\b"
    r"|\bnot (?:mentioned|specified)\b"
)
# «Yes» and «No» speak about the question, which no passage can support: the rest must do.
OPENER = re.compile(r"(?i)^(?:yes|no|sure|of course|certainly|absolutely)\b[\s,.!:;—–-]*")
# «Follow these steps: 1.» is the beginning of a list, cut off from it.
LEADS_ON = re.compile(r"(?::|:\s*\d{1,2}[.)])\s*$")
# Cosine of question and sentence: true sentences about something else lie below it.
RELEVANT_FROM = 0.3
# Below this chance of being answerable, a quotation would often be beside the point.
QUOTE_FROM = 0.6
MOST_MISSING = 1 / 3
# Above this one, the model's «I don't know» is checked against the passages.
DOUBT_DECLINE_FROM = 0.8


@dataclass(slots=True)
class Draft:
    """What has come of the model's text so far."""

    shown: list[Sentence] = field(default_factory=list)
    declined: bool = False
    dropped: int = 0
    quoted: bool = False


async def answer(state: Conversation, runtime: Runtime[Deps]) -> Conversation:
    """Stream from the model and let out each sentence that a passage supports."""
    deps, question = runtime.context, state["standalone"]
    excerpts = await make_excerpts(deps.encoder, question, state["passages"])
    # The numbers in the model's text count what it has read.
    state = {**state, "passages": _put_first(excerpts, state["passages"])}
    draft = Draft()
    async with aclosing(_generate(deps, question, excerpts)) as texts:
        await _gather(texts, draft, state, runtime)
    if _should_quote(draft, state["confidence"]):
        await _quote(draft, state, runtime)
    return _conclude(draft, state["confidence"])


def _put_first(excerpts: Sequence[Passage], passages: Sequence[Passage]) -> list[Passage]:
    """Return the whole passages, those first that there are excerpts of."""
    read = {excerpt.id for excerpt in excerpts}
    return sorted(passages, key=lambda passage: passage.id not in read)


async def _gather(
    texts: AsyncIterator[str], draft: Draft, state: Conversation, runtime: Runtime[Deps]
) -> None:
    deps = runtime.context
    fitting = _list_fitting(state, deps)
    async for text in texts:
        if DECLINED.search(text):
            draft.declined = True
            break
        sentence = await _support(text, state, deps)
        if sentence is None or not await _is_fitting(sentence, fitting, draft, state, deps):
            draft.dropped += 1
        elif sentence.text not in {kept.text for kept in draft.shown}:
            draft.shown.append(sentence)
            runtime.stream_writer(SentenceVerified(sentence=sentence))
        if len(draft.shown) >= MOST_SENTENCES:
            break


async def _generate(
    deps: Deps, question: str, passages: Sequence[Passage]
) -> AsyncGenerator[str, None]:
    request = await build_answer(deps, question, passages)
    sentences = SentenceStream()
    async with aclosing(deps.model.stream(request)) as pieces:  # type: ignore[type-var]
        async for piece in pieces:
            for sentence in sentences.feed(piece):
                yield sentence
    for sentence in sentences.finish():
        yield sentence


async def _support(text: str, state: Conversation, deps: Deps) -> Sentence | None:
    passages = state["passages"]
    question = f"{state['question']} {state['standalone']}"
    plain, numbers = read_citations(text)
    plain = OPENER.sub("", plain)
    if LEADS_ON.search(plain):
        return None
    cited = [passages[n - 1] for n in numbers if 0 < n <= len(passages)]
    others = [passage for passage in passages if passage not in cited]
    verdict = deps.verifier.verify(plain, [*cited, *others], question)
    if not verdict.supported or verdict.unit is None:
        return None
    if await _is_disputed(plain, verdict.unit, state, deps):
        return None
    return Sentence(text=plain[:1].upper() + plain[1:], citations=[verdict.unit.passage_id])


def _list_fitting(state: Conversation, deps: Deps) -> frozenset[str]:
    """Return the ids of the passages that speak of everybody and everything the question names.

    Where the evidence is strong, one name in three may be missing.
    """
    named, known = state["standalone"], deps.verifier.names
    most = MOST_MISSING if state["confidence"] >= DOUBT_DECLINE_FROM else 0.0
    fitting = (p for p in state["passages"] if speaks_of_what_is_named(named, p, known, most))
    return frozenset(passage.id for passage in fitting)


async def _is_fitting(
    sentence: Sentence, passages: frozenset[str], draft: Draft, state: Conversation, deps: Deps
) -> bool:
    """Whether a supported sentence has to do with the question; the first has to answer it."""
    question = state["standalone"]
    if sentence.citations[0] not in passages:
        return False
    if not draft.shown and not gives_what_is_asked(question, sentence.text):
        return False
    asked, said = await deps.encoder.encode([question, sentence.text])
    return float(asked @ said) >= RELEVANT_FROM


def _should_quote(draft: Draft, confidence: float) -> bool:
    if draft.shown:
        return False
    doubted = draft.declined and confidence >= DOUBT_DECLINE_FROM
    return doubted or (bool(draft.dropped) and confidence >= QUOTE_FROM)


async def _quote(draft: Draft, state: Conversation, runtime: Runtime[Deps]) -> None:
    deps = runtime.context
    quotation = await _find_quotation(state, deps)
    if quotation is None:
        return
    if await _is_disputed(quotation.unit.text, quotation.unit, state, deps):
        return
    sentence = Sentence(text=quotation.text, citations=[quotation.unit.passage_id])
    draft.shown.append(sentence)
    draft.quoted = True
    runtime.stream_writer(SentenceVerified(sentence=sentence))


async def _find_quotation(state: Conversation, deps: Deps) -> Quotation | None:
    """Look for one by the question put to stand alone, then by the customer's own words."""
    ids = _list_fitting(state, deps)
    fitting = [passage for passage in state["passages"] if passage.id in ids]
    for question in dict.fromkeys((state["standalone"], state["question"])):
        quotation = await find_quotation(deps.encoder, question, fitting)
        if quotation is not None:
            return quotation
    return None


async def _is_disputed(text: str, unit: Unit, state: Conversation, deps: Deps) -> bool:
    """Whether another article says otherwise, be it in hand or not."""
    ranking = await deps.search.search(text, state.get("audience", PUBLIC), WITNESSES)
    found = [hit.passage for hit in ranking.hits]
    return deps.verifier.is_disputed(text, unit, found)


def _conclude(draft: Draft, confidence: float) -> Conversation:
    if not draft.shown:
        reason = Reason.MODEL_DECLINED if draft.declined else Reason.UNSUPPORTED
        return {
            "outcome": Outcome.ABSTAINED,
            "reason": reason,
            "confidence": 1 - confidence,
            "sentences": [],
        }
    return {
        "outcome": Outcome.ANSWERED,
        "reason": Reason.QUOTED if draft.quoted else Reason.SUPPORTED,
        "sentences": draft.shown,
        "text": " ".join(sentence.text for sentence in draft.shown),
    }
