"""OpenAI's own client against the service, over a socket."""

from collections.abc import AsyncIterator
from typing import Any

import anyio
import httpx2
import openai
import pytest
from anyio import Event as Signal
from openai import AsyncOpenAI
from openai.types.chat import ChatCompletionMessageParam

from agent.errors import ModelBusy, ModelFailed, ModelUnusable
from agent.state import Message, Outcome, Reason, Sentence
from api.assembly import Services
from tests.api.interop.conftest import NotingAssistant
from tests.api.replies import make_reply

ASKED: list[ChatCompletionMessageParam] = [{"role": "user", "content": "Where is my refund?"}]
PARTS = ("Where is", "my refund?")
TEXT = "Your refund arrives in 5 to 10 days."
CITATION = {
    "start_index": 0,
    "end_index": len(TEXT),
    "title": "When refunds arrive > Cards",
    "url": "urn:frontdesk:article:refunds",
}


@pytest.fixture
async def client(address: str, key: str) -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(base_url=f"{address}/v1", api_key=key, max_retries=0) as opened:
        yield opened


async def test_a_conversation_is_answered_with_citations_and_nothing_is_kept(
    client: AsyncOpenAI, assistant: NotingAssistant, services: Services
) -> None:
    said: list[ChatCompletionMessageParam] = [
        {"role": "system", "content": "You are a pirate."},
        {"role": "user", "content": "I cancelled."},
        {"role": "assistant", "content": "I am sorry to hear that."},
        {"role": "user", "content": [{"type": "text", "text": text} for text in PARTS]},
    ]
    made = await client.chat.completions.create(
        model="frontdesk", messages=said, temperature=0.2, n=1, tools=[]
    )
    choice = made.choices[0]
    assert (choice.message.content, choice.finish_reason) == (TEXT, "stop")
    assert choice.message.annotations
    assert choice.message.annotations[0].url_citation.model_dump() == CITATION
    passed = assistant.passed[0]
    assert (passed.question, passed.audience) == ("Where is\nmy refund?", "public")
    assert passed.history == [
        Message(role="customer", text="I cancelled."),
        Message(role="agent", text="I am sorry to hear that."),
    ]
    assert made.usage
    assert (made.usage.prompt_tokens, made.usage.completion_tokens) == (21, 11)
    assert made.usage.total_tokens == 32
    extension: Any = made.model_extra
    verdict = extension["frontdesk"]
    assert (verdict["outcome"], verdict["reason"]) == ("answered", "supported")
    assert verdict["confidence"] == 0.9
    assert verdict["sources"][0]["passage_id"] == "refunds#1"
    assert verdict["ignored"] == ["system messages", "temperature"]
    assert assistant.forgotten == assistant.asked
    assert services.ledger.pending_turns() == []
    assert made.id.startswith("chatcmpl-")


async def test_a_stream_brings_sentences_then_citations_and_usage(
    client: AsyncOpenAI, assistant: NotingAssistant
) -> None:
    more = Sentence(text="Ask your bank then.", citations=["refunds#1"])
    reply = make_reply()
    assistant.reply_with = reply.model_copy(
        update={"text": f"{TEXT} {more.text}", "sentences": [*reply.sentences, more]}
    )
    stream = await client.chat.completions.create(
        model="frontdesk", messages=ASKED, stream=True, stream_options={"include_usage": True}
    )
    chunks = [chunk async for chunk in stream]
    *spoken, last, counted = chunks
    texts = [chunk.choices[0].delta.content for chunk in spoken]
    assert texts == ["", TEXT, " Ask your bank then."]
    assert spoken[0].choices[0].delta.role == "assistant"
    assert [chunk.usage for chunk in (*spoken, last)] == [None] * 4
    ending: Any = last
    assert ending.choices[0].finish_reason == "stop"
    found = [a["url_citation"] for a in ending.choices[0].delta.annotations]
    assert found[0] == CITATION
    assert found[1]["start_index"] == len(TEXT) + 1
    assert ending.frontdesk["outcome"] == "answered"
    assert (counted.choices, counted.usage and counted.usage.prompt_tokens) == ([], 7)
    assert len({chunk.id for chunk in chunks}) == 1


async def test_nobody_is_promised_who_is_not_there(
    client: AsyncOpenAI, assistant: NotingAssistant
) -> None:
    assistant.reply_with = make_reply(
        "I'm passing you on.", Outcome.HANDED_OFF, Reason.ASKED_FOR_PERSON
    )
    made = await client.chat.completions.create(model="frontdesk", messages=ASKED)
    said = made.choices[0].message.content or ""
    assert "I can't pass you on from here" in said
    assistant.reply_with = make_reply(
        "I don't know. Shall I pass you on to a person?", Outcome.ABSTAINED, Reason.NO_EVIDENCE
    )
    stream = await client.chat.completions.create(model="frontdesk", messages=ASKED, stream=True)
    texts = [c.choices[0].delta.content async for c in stream]
    assert texts == ["", "I don't know.", None]


@pytest.mark.parametrize(
    ("wrong", "param"),
    [
        ({"n": 2}, "n"),
        ({"tools": [{"type": "function", "function": {"name": "f"}}]}, "tools"),
        ({"logprobs": True}, "logprobs"),
        ({"response_format": {"type": "json_object"}}, "response_format"),
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "user", "content": "x" * 201}]}, "messages.0"),
        ({"messages": [*ASKED, {"role": "assistant", "content": "Hi"}]}, "messages.1"),
        ({"messages": [*ASKED, {"role": "user", "content": " "}]}, "messages.1"),
        ({"messages": [{"role": "system", "content": "Hi"}]}, "messages.0"),
        ({"messages": [*ASKED, {"role": "tool", "content": "1"}]}, "messages.1.role"),
        (
            {"messages": [{"role": "user", "content": [{"type": "image_url"}]}]},
            "messages.0.content",
        ),
    ],
)
async def test_what_is_not_supported_is_refused_by_name(
    client: AsyncOpenAI, assistant: NotingAssistant, wrong: dict[str, Any], param: str
) -> None:
    body = {"model": "frontdesk", "messages": ASKED, **wrong}
    with pytest.raises(openai.BadRequestError) as caught:
        await client.post("/chat/completions", body=body, cast_to=object)
    assert caught.value.param == param
    assert caught.value.type == "invalid_request_error"
    assert not assistant.passed


async def test_a_body_may_not_be_too_large(client: AsyncOpenAI) -> None:
    body = {"model": "frontdesk", "messages": [{"role": "user", "content": "x" * 100_000}]}
    with pytest.raises(openai.APIStatusError) as caught:
        await client.post("/chat/completions", body=body, cast_to=object)
    assert (caught.value.status_code, caught.value.code) == (413, "request_entity_too_large")


async def test_another_model_does_not_exist(client: AsyncOpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as caught:
        await client.chat.completions.create(model="gpt-4o", messages=ASKED)
    assert caught.value.code == "model_not_found"
    assert [model.id async for model in client.models.list()] == ["frontdesk"]
    assert (await client.models.retrieve("frontdesk")).owned_by == "Larkstay"
    with pytest.raises(openai.NotFoundError):
        await client.models.retrieve("gpt-4o")


@pytest.mark.parametrize("stream", [False, True])
async def test_errors_have_their_status_until_something_was_said(
    client: AsyncOpenAI, assistant: NotingAssistant, *, stream: bool
) -> None:
    for error, status, pause in (
        (ModelBusy(7), 429, "7"),
        (ModelFailed(), 503, "1"),
        (ModelUnusable(), 503, None),
        (RuntimeError("somebody's words"), 500, None),
    ):
        assistant.error = error
        with pytest.raises(openai.APIStatusError) as caught:
            await client.chat.completions.create(model="frontdesk", messages=ASKED, stream=stream)
        assert caught.value.status_code == status
        assert caught.value.response.headers.get("retry-after") == pause
        assert "words" not in caught.value.message
    assert len(assistant.forgotten) == 4


async def test_an_error_in_a_stream_is_told_in_it(
    client: AsyncOpenAI, assistant: NotingAssistant
) -> None:
    assistant.late_error = ModelFailed()
    stream = await client.chat.completions.create(model="frontdesk", messages=ASKED, stream=True)
    with pytest.raises(openai.APIError, match="The model stopped"):
        async for _ in stream:
            pass


@pytest.mark.parametrize("stream", [False, True])
async def test_who_leaves_frees_the_model(
    address: str, key: str, assistant: NotingAssistant, *, stream: bool
) -> None:
    assistant.gate = Signal()
    body = {"model": "frontdesk", "messages": ASKED, "stream": stream}
    headers = {"Authorization": f"Bearer {key}"}
    async with httpx2.AsyncClient(base_url=address, headers=headers) as client:
        with anyio.move_on_after(0.5):
            await client.post("/v1/chat/completions", json=body)
    with anyio.fail_after(10):
        await assistant.left.wait()
    assert assistant.asked == assistant.forgotten


async def test_who_leaves_in_the_middle_frees_the_model(
    client: AsyncOpenAI, assistant: NotingAssistant
) -> None:
    assistant.late_gate = Signal()
    stream = await client.chat.completions.create(model="frontdesk", messages=ASKED, stream=True)
    async for chunk in stream:
        if chunk.choices[0].delta.content:
            await stream.close()
            break
    with anyio.fail_after(10):
        await assistant.left.wait()
    assert assistant.asked == assistant.forgotten
