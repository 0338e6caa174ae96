"""A model behind any OpenAI-compatible endpoint (vLLM, SGLang, llama-server)."""

import asyncio
import json
import math
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from contextlib import aclosing, asynccontextmanager, contextmanager
from datetime import datetime
from email.utils import parsedate_to_datetime
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
DONE = "[DONE]"


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

        The event loop's own clock measures the deadline.
        """
        deadline = asyncio.get_running_loop().time() + request.deadline_s
        emission, reason = Emission(request.stop), ""
        async with (
            self._post(request, deadline) as response,
            aclosing(_read_data(response, deadline)) as events,
        ):
            async for data in events:
                piece, said = _read_delta(data)
                reason = reason or said
                if text := emission.push(piece):
                    yield text
                if emission.stopped:
                    break
        if not emission.stopped:
            _require_whole(reason, request)
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
    async def _post(self, request: Completion, deadline: float) -> AsyncIterator[httpx2.Response]:
        forms = _list_formats(request)
        for form in forms:
            async with self._send(_to_body(self._model, request) | form, deadline) as response:
                if response.status_code in NOT_UNDERSTOOD and form is not forms[-1]:
                    continue
                await _raise_for_status(response, deadline)
                yield response
                return

    @asynccontextmanager
    async def _send(self, body: dict[str, Any], deadline: float) -> AsyncIterator[httpx2.Response]:
        with _as_failure(self._url):
            # The deadline bounds every wait; the client's own time-out would cut a long prompt.
            request = self._client.build_request(
                "POST",
                self._url,
                json=body,
                headers=self._headers,
                timeout=httpx2.Timeout(None, connect=CONNECTING_S),
            )
            async with asyncio.timeout_at(deadline):
                response = await self._client.send(request, stream=True)
            try:
                yield response
            finally:
                await response.aclose()


@contextmanager
def _as_failure(url: str) -> Iterator[None]:
    try:
        yield
    except TimeoutError as error:
        raise ModelFailed(f"The model's server at {url} did not answer in time.") from error
    except (httpx2.InvalidURL, httpx2.UnsupportedProtocol) as error:
        raise ModelUnusable(f"{url} is no address: {error} Check FRONTDESK_MODEL_URL.") from error
    except httpx2.HTTPError as error:
        raise ModelFailed(f"The model's server at {url} did not answer: {error!r}") from error


async def _read_data(response: httpx2.Response, deadline: float) -> AsyncGenerator[str, None]:
    """Yield what the events hold until the last one, each in time. Raises TimeoutError."""
    events = aiter(httpx2.EventSource(response))
    while True:
        async with asyncio.timeout_at(deadline):
            event = await anext(events, None)
        if event is None:
            return
        if event.data.strip():
            yield event.data
        if event.data.strip() == DONE:
            return


def _require_whole(reason: str, request: Completion) -> None:
    if not reason:
        raise ModelFailed("The model's server broke off its answer.")
    if reason == "length" and request.schema is not None:
        raise ModelFailed(
            f"The schema was not filled within {request.max_tokens} tokens; allow for more."
        )


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


async def _raise_for_status(response: httpx2.Response, deadline: float) -> None:
    status = response.status_code
    if response.is_success:
        return
    if status in (TOO_MANY_REQUESTS, UNAVAILABLE):
        raise ModelBusy(_read_wait(response.headers))
    async with asyncio.timeout_at(deadline):
        reason = (await response.aread()).decode(errors="replace")[:300]
    said = f"The model's server answered {status}: {reason}"
    if status in (httpx2.codes.UNAUTHORIZED, httpx2.codes.FORBIDDEN):
        raise ModelUnusable(f"{said} Check FRONTDESK_MODEL_KEY.")
    if status == httpx2.codes.NOT_FOUND:
        raise ModelUnusable(f"{said} Check FRONTDESK_MODEL_URL and the model's name.")
    raise ModelFailed(said)


def _read_wait(headers: httpx2.Headers) -> float:
    """Return the seconds of Retry-After, which are a number or, less the server's Date, a time."""
    asked = headers.get("retry-after", "")
    try:
        seconds = float(asked)
    except ValueError:
        until, now = _read_time(asked), _read_time(headers.get("date", ""))
        seconds = (until - now).total_seconds() if until and now else math.nan
    return max(0.0, seconds) if math.isfinite(seconds) else UNKNOWN_WAIT_S


def _read_time(text: str) -> datetime | None:
    try:
        return parsedate_to_datetime(text)
    except ValueError:
        return None


def _read_delta(data: str) -> tuple[str, str]:
    """Return the text in an event, and why the answer ends here; empty where it doesn't."""
    if data.strip() == DONE:
        return "", "stop"
    try:
        event = json.loads(data)
        if "error" in event:
            raise ModelFailed(f"The model's server failed: {event['error']}")
        choice = (event.get("choices") or [{}])[0]
        return (choice.get("delta") or {}).get("content") or "", choice.get("finish_reason") or ""
    except (ValueError, TypeError, AttributeError) as error:
        raise ModelFailed(f"The model's server sent what can't be read: {data[:100]}") from error
