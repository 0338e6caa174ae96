"""How well the whole agent does on each case of a suite."""

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any
from uuid import uuid4

from agent.assistant import Assistant
from agent.checkpoints import make_memory_checkpoints
from agent.events import Done
from agent.ports import ChatMessage, ChatModel, Completion, Deps
from agent.state import Message, Outcome, Reply, Sentence
from agent.verification.verifier import Verifier
from evals.journal import Journal
from evals.measures import (
    ANSWER,
    average,
    measure_calibration,
    measure_citations,
    measure_decisions,
    measure_rouge_l,
    measure_spread,
)
from evals.retrieval import Progress, run_cases
from evals.suites import Case
from knowledge_base.articles import PUBLIC, Passage

DECISIONS = {
    Outcome.ANSWERED: "answer",
    Outcome.CLARIFIED: "clarify",
    Outcome.ABSTAINED: "abstain",
    # A person takes over: whatever it was, the agent did not answer it.
    Outcome.HANDED_OFF: "abstain",
}
QUALITY = (
    "supported_share",
    "citation_precision",
    "citation_recall",
    "rouge_l",
    "similarity",
    "words",
)
COST = ("first_sentence_s", "total_s", "prompt_tokens", "output_tokens")
WORD = re.compile(r"[^\W_]+")


class CountingModel:
    """A model that counts the tokens that go in and come out, and does no more."""

    def __init__(self, model: ChatModel) -> None:
        self._model = model
        self.prompt_tokens = 0
        self.output_tokens = 0

    @property
    def name(self) -> str:
        """The model's name."""
        return self._model.name

    @property
    def sha256(self) -> str:
        """The hash of the model's file."""
        return self._model.sha256

    @property
    def context_tokens(self) -> int:
        """How many tokens a prompt and its completion may have together."""
        return self._model.context_tokens

    async def stream(self, request: Completion) -> AsyncIterator[str]:
        """Yield the model's pieces."""
        self.prompt_tokens += await self._model.count_tokens(request.messages)
        said: list[str] = []
        try:
            async with aclosing(self._model.stream(request)) as pieces:  # type: ignore[type-var]
                async for piece in pieces:
                    said.append(piece)
                    yield piece
        finally:
            self.output_tokens += await self._count("".join(said))

    async def count_tokens(self, messages: Sequence[ChatMessage]) -> int:
        """Return how many tokens the messages take as a prompt."""
        return await self._model.count_tokens(messages)

    async def _count(self, text: str) -> int:
        framed = await self._model.count_tokens([{"role": "assistant", "content": text}])
        empty = await self._model.count_tokens([{"role": "assistant", "content": ""}])
        return framed - empty


@dataclass(frozen=True, slots=True)
class Asked:
    """A reply, and what it took."""

    reply: Reply
    prompt_tokens: int
    output_tokens: int


async def evaluate_answers(
    cases: Sequence[Case],
    deps: Deps,
    passages: Mapping[str, Sequence[Passage]],
    journal: Journal,
    progress: Progress,
) -> dict[str, Any]:
    """Let the agent answer every case, as a customer who is in the middle of its history.

    `passages` are each article's, by its id. A case that fails is recorded with its error.
    """
    texts = {p.id: p for kept in passages.values() for p in kept}

    async def run(case: Case) -> dict[str, Any]:
        try:
            asked = await ask(deps, case.question, case.history)
            graded = await _grade(case, asked, deps, texts)
        except Exception as error:  # noqa: BLE001 - one case must not cost the hours of the others
            graded = {"error": str(error) or type(error).__name__, "values": {}}
        return _describe_case(case) | graded

    records = await run_cases(cases, run, journal, progress)
    return summarise([record for record in records if "error" not in record]) | {
        "n": len(records),
        "failed": sum("error" in record for record in records),
        "cases": records,
    }


async def ask(deps: Deps, question: str, history: Sequence[Message]) -> Asked:
    """Ask in a conversation of its own; raises what the model raises."""
    model = CountingModel(deps.model)
    assistant = Assistant(replace(deps, model=model), make_memory_checkpoints())
    identity = uuid4().hex
    reply: Reply | None = None
    async with aclosing(assistant.reply(identity, identity, question, PUBLIC, history)) as events:
        async for event in events:
            if isinstance(event, Done):
                reply = event.reply
    assert reply is not None, "a turn ends with Done"
    return Asked(reply, model.prompt_tokens, model.output_tokens)


def summarise(records: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the figures of all cases that ran."""
    expected = [record["expect"] for record in records]
    values = [record["values"] for record in records]
    quality = average([{n: v[n] for n in QUALITY if n in v} for v in values])
    return {
        "decisions": measure_decisions(expected, [record["decision"] for record in records]),
        "answers": {name: quality.get(name) for name in QUALITY},
        "calibration": measure_calibration(
            [record["confidence"] for record in records],
            [bool(record["values"]["correct"]) for record in records],
        ),
        "cost": {n: measure_spread([v[n] for v in values if n in v]) for n in COST},
    }


def _describe_case(case: Case) -> dict[str, Any]:
    return {
        "question": case.question,
        "history": [message.model_dump() for message in case.history],
        "expect": case.expect,
        "relevant": list(case.relevant),
        "reference": case.reference,
    }


async def _grade(
    case: Case, asked: Asked, deps: Deps, texts: Mapping[str, Passage]
) -> dict[str, Any]:
    reply = asked.reply
    decision = DECISIONS[reply.outcome]
    sentences = [describe_sentence(s, texts, deps.verifier, case.question) for s in reply.sentences]
    values: dict[str, float] = {
        "correct": float(decision == case.expect),
        "total_s": reply.timings.total_s,
        "prompt_tokens": float(asked.prompt_tokens),
        "output_tokens": float(asked.output_tokens),
    }
    if decision == ANSWER:
        values |= await _grade_answer(case, reply, sentences, deps)
    return {
        "decision": decision,
        "outcome": reply.outcome.value,
        "reason": reply.reason.value,
        "confidence": reply.confidence,
        "text": reply.text,
        "sentences": sentences,
        "sources": [
            {"article_id": s.article_id, "title": s.title, "text": s.text} for s in reply.sources
        ],
        "values": values,
    }


async def _grade_answer(
    case: Case, reply: Reply, sentences: Sequence[Mapping[str, Any]], deps: Deps
) -> dict[str, float]:
    values = {"words": float(len(reply.text.split()))}
    if sentences:
        values["supported_share"] = sum(s["supported"] for s in sentences) / len(sentences)
    if reply.timings.first_sentence_s is not None:
        values["first_sentence_s"] = reply.timings.first_sentence_s
    if case.relevant:
        cited = [article for sentence in sentences for article in sentence["citations"]]
        values |= measure_citations(cited, case.relevant)
    if case.reference and case.expect == ANSWER:
        said, wanted = await deps.encoder.encode([reply.text, case.reference])
        values["rouge_l"] = measure_rouge_l(reply.text, case.reference)
        values["similarity"] = float(said @ wanted)
    return values


def describe_sentence(
    sentence: Sentence, texts: Mapping[str, Passage], verifier: Verifier, question: str
) -> dict[str, Any]:
    """Return a sentence, the articles it cites, and whether what it cites supports it.

    A quotation must stand there word for word; anything else is verified anew.
    """
    cited = [texts[passage_id] for passage_id in sentence.citations if passage_id in texts]
    return {
        "text": sentence.text,
        "citations": list(dict.fromkeys(passage.article_id for passage in cited)),
        "supported": is_quotation(sentence.text, cited)
        or verifier.verify(sentence.text, cited, question).supported,
    }


def is_quotation(text: str, cited: Sequence[Passage]) -> bool:
    """Whether a text in quotation marks stands in a passage so, white space and markup aside."""
    if not (text.startswith("“") and text.endswith("”")):
        return False
    said = _read_words(text)
    return any(said in _read_words(f"{passage.title} {passage.text}") for passage in cited)


def _read_words(text: str) -> str:
    """Return the text's words between spaces, so that «5» is not found in «50»."""
    return f" {' '.join(WORD.findall(text.lower()))} "
