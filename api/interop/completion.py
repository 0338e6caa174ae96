"""A reply in the form that OpenAI's clients read."""

import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, suppress
from dataclasses import dataclass
from itertools import chain
from typing import Any, Literal

from fastapi.sse import format_sse_event

from agent.errors import FrontdeskError
from agent.events import Done, Event, SentenceVerified
from agent.ports import ChatModel
from agent.state import Outcome, Reason, Reply, Sentence, Source
from api.interop.chat import MODEL, Asked, as_prompt
from api.interop.links import link_article
from api.interop.refusals import refuse, show_error
from api.schemas import Wire

END = format_sse_event(data_str="[DONE]")


class UrlCitation(Wire):
    """The part of the text, by characters, that an article supports."""

    start_index: int
    end_index: int
    title: str
    url: str


class Annotation(Wire):
    """A citation in OpenAI's form."""

    type: Literal["url_citation"] = "url_citation"
    url_citation: UrlCitation


class Assessment(Wire):
    """What OpenAI's form has no place for: how the turn ended, and what it rests on.

    `ignored` names what the request had that was left unread.
    """

    outcome: Outcome
    reason: Reason
    confidence: float
    language: str
    sentences: list[Sentence]
    sources: list[Source]
    ignored: list[str]


class ReplyMessage(Wire):
    """What the agent says."""

    role: Literal["assistant"] = "assistant"
    content: str
    refusal: None = None
    annotations: list[Annotation]


class Choice(Wire):
    """The only choice there is."""

    index: Literal[0] = 0
    message: ReplyMessage
    logprobs: None = None
    finish_reason: Literal["stop"] = "stop"


class Usage(Wire):
    """Tokens of the conversation as it was sent, and of the reply."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class ChatCompletion(Wire):
    """A reply; `frontdesk` is our extension."""

    id: str
    object: Literal["chat.completion"] = "chat.completion"
    created: int
    model: str = MODEL
    system_fingerprint: str
    choices: list[Choice]
    usage: Usage | None
    frontdesk: Assessment


@dataclass(frozen=True, slots=True)
class Writer:
    """Writes the reply to one request; `created` is in seconds since 1970."""

    asked: Asked
    model: ChatModel
    id: str
    created: int
    article_url: str | None

    async def complete(self, reply: Reply) -> ChatCompletion:
        """Return the whole reply at once."""
        message = ReplyMessage(content=reply.text, annotations=annotate(reply, self.article_url))
        return ChatCompletion(
            id=self.id,
            created=self.created,
            system_fingerprint=_identify(reply),
            choices=[Choice(message=message)],
            usage=await self._count(reply.text),
            frontdesk=self._assess(reply),
        )

    async def stream(
        self, first: Event, others: AsyncIterator[Event], *, with_usage: bool
    ) -> AsyncGenerator[bytes]:
        """Yield the reply as frames; an error on the way is the last of them."""
        try:
            async with aclosing(self._list_chunks(first, others, with_usage=with_usage)) as chunks:
                async for chunk in chunks:
                    yield format_sse_event(data_str=json.dumps(chunk, ensure_ascii=False))
            yield END
        except Exception as error:  # noqa: BLE001 - 200 has gone out; a frame must say it
            refuse(error)
            yield format_sse_event(data_str=show_error(error)[1].model_dump_json())

    async def _list_chunks(
        self, first: Event, others: AsyncIterator[Event], *, with_usage: bool
    ) -> AsyncGenerator[dict[str, Any]]:
        more: dict[str, Any] = {"usage": None} if with_usage else {}
        yield self._chunk({"role": "assistant", "content": ""}, **more)
        said = ""
        async for event in _prepend(first, others):
            if isinstance(event, SentenceVerified):
                piece = f" {event.sentence.text}" if said else event.sentence.text
                said += piece
                yield self._chunk({"content": piece}, **more)
            elif isinstance(event, Done):
                if rest := event.reply.text.removeprefix(said):
                    yield self._chunk({"content": rest}, **more)
                yield self._end(event.reply, more)
                if with_usage:
                    usage = await self._count(event.reply.text)
                    dumped = usage.model_dump() if usage else None
                    yield {**self._chunk({}), "choices": [], "usage": dumped}

    def _chunk(self, delta: dict[str, Any], **more: object) -> dict[str, Any]:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": None}
        return {
            "id": self.id,
            "object": "chat.completion.chunk",
            "created": self.created,
            "model": MODEL,
            "choices": [choice],
            **more,
        }

    def _end(self, reply: Reply, more: dict[str, Any]) -> dict[str, Any]:
        found = [a.model_dump() for a in annotate(reply, self.article_url)]
        last = self._chunk({"annotations": found}, system_fingerprint=_identify(reply), **more)
        last["choices"][0]["finish_reason"] = "stop"
        last["frontdesk"] = self._assess(reply).model_dump(mode="json")
        return last

    def _assess(self, reply: Reply) -> Assessment:
        return Assessment(
            outcome=reply.outcome,
            reason=reply.reason,
            confidence=reply.confidence,
            language=reply.language,
            sentences=reply.sentences,
            sources=reply.sources,
            ignored=list(self.asked.ignored),
        )

    async def _count(self, text: str) -> Usage | None:
        """Count tokens as the model does; a reply is worth more than its count."""
        with suppress(FrontdeskError):
            prompt = await self.model.count_tokens(as_prompt(self.asked))
            both = await self.model.count_tokens(as_prompt(self.asked, text))
            return Usage(
                prompt_tokens=prompt, completion_tokens=max(0, both - prompt), total_tokens=both
            )
        return None


def annotate(reply: Reply, article_url: str | None) -> list[Annotation]:
    """Return a citation for each article that a sentence rests on, in the text's order."""
    sources = {source.passage_id: source for source in reply.sources}
    found, at = [], 0
    for sentence in reply.sentences:
        start = reply.text.find(sentence.text, at)
        if start < 0:
            continue
        at = start + len(sentence.text)
        for source in (sources[i] for i in sentence.citations if i in sources):
            citation = UrlCitation(
                start_index=start,
                end_index=at,
                title=" > ".join(filter(None, chain([source.title], source.heading_path))),
                url=link_article(article_url, source.article_id),
            )
            found.append(Annotation(url_citation=citation))
    return found


def _identify(reply: Reply) -> str:
    """Name what made the reply: model, prompts and articles."""
    made = reply.provenance
    return f"fd_{made.model_sha256[:8] or made.model}_{made.prompt_version}_{made.index_generation}"


async def _prepend(first: Event, others: AsyncIterator[Event]) -> AsyncGenerator[Event]:
    yield first
    async for event in others:
        yield event
