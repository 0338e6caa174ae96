"""A chat model that says what it is told to."""

import json
from collections import deque
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Any

from agent.errors import FrontdeskError
from agent.ports import ChatMessage, Completion

PIECE = 3


class FakeChatModel:
    """Answers with the queued texts in order, an error among them being raised.

    With an empty queue it answers with `otherwise`. A request with a schema gets the queued text
    as it is, or, with an empty queue, the smallest object that the schema allows.
    """

    def __init__(
        self,
        texts: Iterable[str | FrontdeskError] = (),
        *,
        otherwise: str = "Nothing to say.",
        context_tokens: int = 4096,
    ) -> None:
        self.queue: deque[str | FrontdeskError] = deque(texts)
        self.requests: list[Completion] = []
        self.open = 0
        self._otherwise = otherwise
        self._context_tokens = context_tokens

    @property
    def name(self) -> str:
        return "fake"

    @property
    def sha256(self) -> str:
        return "0" * 64

    @property
    def context_tokens(self) -> int:
        return self._context_tokens

    @property
    def ready(self) -> bool:
        return True

    async def stream(self, request: Completion) -> AsyncIterator[str]:
        self.requests.append(request)
        text = self._take(request)
        self.open += 1
        try:
            for start in range(0, len(text), PIECE):
                yield text[start : start + PIECE]
        finally:
            self.open -= 1

    async def count_tokens(self, messages: Sequence[ChatMessage]) -> int:
        return sum(len(message["content"]) // 4 + 5 for message in messages) + 3

    def _take(self, request: Completion) -> str:
        answer = self.queue.popleft() if self.queue else self._say_something(request)
        if isinstance(answer, FrontdeskError):
            raise answer
        ends = [at for stop in request.stop if (at := answer.find(stop)) >= 0]
        return answer[: min(ends, default=len(answer))]

    def _say_something(self, request: Completion) -> str:
        return self._otherwise if request.schema is None else json.dumps(_fill(request.schema))


def _fill(schema: dict[str, Any]) -> object:
    if "enum" in schema:
        return schema["enum"][0]
    if schema.get("type") == "object":
        return {name: _fill(part) for name, part in schema.get("properties", {}).items()}
    plain: dict[str, object] = {"array": [], "boolean": False, "integer": 0, "number": 0}
    return plain.get(schema.get("type", ""), "")
