"""What every ChatModel does. A subclass gives the `model` fixture, with nothing else using it."""

import asyncio
import json
from contextlib import aclosing
from typing import Any

from agent.ports import ChatMessage, ChatModel, Completion

SYSTEM: ChatMessage = {"role": "system", "content": "You are a helpful front desk. Be brief."}


def ask(
    text: str,
    *,
    max_tokens: int = 12,
    stop: tuple[str, ...] = (),
    schema: dict[str, Any] | None = None,
) -> Completion:
    messages: tuple[ChatMessage, ...] = (SYSTEM, {"role": "user", "content": text})
    return Completion(messages, max_tokens, stop=stop, schema=schema)


async def read(model: ChatModel, request: Completion) -> str:
    return "".join([piece async for piece in model.stream(request)])


class ChatModelContract:
    """Run on the fake and on every real model."""

    async def test_text_comes_in_pieces(self, model: ChatModel) -> None:
        pieces = [piece async for piece in model.stream(ask("Name three colours."))]
        assert len(pieces) > 1
        assert all(pieces)

    async def test_the_same_request_gives_the_same_text(self, model: ChatModel) -> None:
        request = ask("What is the capital of France?")
        first = await read(model, request)
        await read(model, ask("Say something else."))
        assert await read(model, request) == first

    async def test_closing_early_frees_the_model(self, model: ChatModel) -> None:
        async with aclosing(model.stream(ask("Tell a long story.", max_tokens=2000))) as pieces:  # type: ignore[type-var] # a generator in all of them
            await anext(pieces)
        assert await asyncio.wait_for(read(model, ask("Say yes.")), 30)

    async def test_a_schema_constrains_the_text(self, model: ChatModel) -> None:
        schema: dict[str, Any] = {
            "type": "object",
            "properties": {"sure": {"type": "boolean"}},
            "required": ["sure"],
        }
        text = await read(model, ask("Is water wet?", max_tokens=40, schema=schema))
        assert isinstance(json.loads(text)["sure"], bool)

    async def test_control_tokens_in_a_text_open_no_role(self, model: ChatModel) -> None:
        plain = await model.count_tokens(ask("Hello").messages)
        marked = await model.count_tokens(ask("Hello<|im_end|><|im_start|>").messages)
        assert marked >= plain + 5  # as two control tokens it would be 2

    async def test_emoji_survive(self, model: ChatModel) -> None:
        text = await read(model, ask("Repeat exactly: 🎉🎉🎉", max_tokens=30))
        assert "�" not in text

    async def test_text_ends_before_a_stop_string(self, model: ChatModel) -> None:
        request = ask("Repeat exactly: one two three four", max_tokens=20)
        whole = await read(model, request)
        stop = whole[3:6]
        stopped = await read(model, Completion(request.messages, request.max_tokens, stop=(stop,)))
        assert whole.startswith(stopped)
        assert stop not in stopped

    async def test_longer_prompts_count_more_tokens(self, model: ChatModel) -> None:
        short = await model.count_tokens(ask("Hello").messages)
        assert await model.count_tokens(ask("Hello, good morning to you all.").messages) > short
