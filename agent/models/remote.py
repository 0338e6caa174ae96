"""A model behind any OpenAI-compatible endpoint (vLLM, SGLang, llama-server)."""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import httpx2

from agent.errors import ModelBusy, ModelFailed, ModelUnusable
from agent.models.emission import Emission
from agent.ports import ChatMessage, Completion

CHARACTERS_PER_TOKEN = 3.5  # English prose has about 4; fewer leaves room for other languages
TOKENS_PER_MESSAGE = 5  # what a chat template puts around a message
UNKNOWN_WAIT_S = 5.0
TOO_MANY_REQUESTS = 429
UNAVAILABLE = 503
NOT_UNDERSTOOD = (400, 422, 500)  # llama-cpp-python's server says 500 of what it can't read
CONNECTING_S = 5.0


class RemoteChatModel:
    """Streams from `{base_url}/v1/chat/completions`.

    `base_url` may end in `/v1` or not. The client is the caller's to close. Requests queue at the
    server: closing the iterator closes the connection, by which servers know that nobody waits.
    """

    def __init__(
        self,
        base_url: str,
        model: str,
        api_key: str,
        client: httpx2.AsyncClient,
        *,
        context_tokens: int = 4096,
    ) -> None:
        self._url = base_url.rstrip("/").removesuffix("/v1") + "/v1/chat/completions"
        self._model = model
        self._headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        self._client = client
        self._context_tokens = context_tokens

    @property
    def name(self) -> str:
        """The model's name at the server."""
        return self._model

    @property
    def sha256(self) -> str:
        """Empty: only the server knows its file."""
        return ""

    @property
    def context_tokens(self) -> int:
        """How many tokens a prompt and its completion may have together."""
        return self._context_tokens

    async def stream(self, request: Completion) -> AsyncIterator[str]:
        """Yield pieces of text. Raises ModelBusy, ModelFailed or ModelUnusable.

        The deadline is kept between two reads: a silent server fails the request after
        `deadline_s`.
        """
        emission = Emission(request.stop)
        async with self._post(request) as response:
            complete = False
            async for line in response.aiter_lines():
                piece, complete = _read_line(line)
                if text := emission.push(piece):
                    yield text
                if complete or emission.stopped:
                    break
            if not complete and not emission.stopped:
                raise ModelFailed("The model's server broke off its answer.")
        if rest := emission.finish():
            yield rest

    async def count_tokens(self, messages: Sequence[ChatMessage]) -> int:
        """Return an estimate of the prompt's tokens: one for each 3.5 characters.

        The protocol has no way to ask. Text in other scripts can take up to a token a character;
        leave a margin in `context_tokens` where customers write in them.
        """
        characters = sum(len(message["content"]) for message in messages)
        return round(characters / CHARACTERS_PER_TOKEN) + TOKENS_PER_MESSAGE * (len(messages) + 1)

    @asynccontextmanager
    async def _post(self, request: Completion) -> AsyncIterator[httpx2.Response]:
        forms = _list_formats(request)
        for form in forms:
            async with self._send(_to_body(self._model, request) | form, request) as response:
                if response.status_code in NOT_UNDERSTOOD and form is not forms[-1]:
                    continue
                await _raise_for_status(response)
                yield response
                return

    @asynccontextmanager
    async def _send(
        self, body: dict[str, Any], request: Completion
    ) -> AsyncIterator[httpx2.Response]:
        timeout = httpx2.Timeout(request.deadline_s, connect=min(CONNECTING_S, request.deadline_s))
        try:
            async with self._client.stream(
                "POST", self._url, json=body, headers=self._headers, timeout=timeout
            ) as response:
                yield response
        except httpx2.TransportError as error:
            raise ModelFailed(
                f"The model's server at {self._url} did not answer: {error!r}"
            ) from error


def _list_formats(request: Completion) -> list[dict[str, Any]]:
    """Return the ways to ask for the schema: OpenAI's, then that of llama.cpp's older servers."""
    if request.schema is None:
        return [{}]
    named = {"name": "reply", "schema": request.schema, "strict": True}
    return [
        {"response_format": {"type": "json_schema", "json_schema": named}},
        {"response_format": {"type": "json_object", "schema": request.schema}},
    ]


def _to_body(model: str, request: Completion) -> dict[str, Any]:
    body: dict[str, Any] = {
        "model": model,
        "messages": list(request.messages),
        "max_tokens": request.max_tokens,
        "temperature": request.temperature,
        "seed": request.seed,
        "stream": True,
    }
    if request.stop:
        body["stop"] = list(request.stop)
    return body


async def _raise_for_status(response: httpx2.Response) -> None:
    status = response.status_code
    if response.is_success:
        return
    if status in (TOO_MANY_REQUESTS, UNAVAILABLE):
        raise ModelBusy(_read_wait(response.headers.get("retry-after", "")))
    reason = (await response.aread()).decode(errors="replace")[:300]
    said = f"The model's server answered {status}: {reason}"
    if status in (httpx2.codes.UNAUTHORIZED, httpx2.codes.FORBIDDEN):
        raise ModelUnusable(f"{said} Check FRONTDESK_MODEL_KEY.")
    if status == httpx2.codes.NOT_FOUND:
        raise ModelUnusable(f"{said} Check FRONTDESK_MODEL_URL and the model's name.")
    raise ModelFailed(said)


def _read_wait(header: str) -> float:
    return float(header) if header.strip().isdigit() else UNKNOWN_WAIT_S


def _read_line(line: str) -> tuple[str, bool]:
    """Return the text in a line of the event stream, and whether the answer is complete."""
    field, _, data = line.partition(":")
    if field != "data" or not data.strip():
        return "", False
    if data.strip() == "[DONE]":
        return "", True
    try:
        event = json.loads(data)
    except ValueError as error:
        raise ModelFailed("The model's server sent something that is no JSON.") from error
    if "error" in event:
        raise ModelFailed(f"The model's server failed: {event['error']}")
    choices = event.get("choices") or [{}]
    return (choices[0].get("delta") or {}).get("content") or "", False
