"""Two models at once: one that answers, and a smaller one for small work, each in its process."""

from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import astuple

from agent.models.local import LocalChatModel
from agent.ports import Chance, ChatMessage, Completion, Usage


class Fleet:
    """Gives each request to the model that it is for; whatever else is asked, the answering one."""

    def __init__(self, answering: LocalChatModel, small: LocalChatModel) -> None:
        self._answering = answering
        self._small = small

    @property
    def name(self) -> str:
        """Both names, the answering model's first."""
        return f"{self._answering.name} + {self._small.name}"

    @property
    def sha256(self) -> str:
        """The hash of the answering model's file."""
        return self._answering.sha256

    @property
    def context_tokens(self) -> int:
        """How many tokens a prompt and its completion may have together."""
        return self._answering.context_tokens

    @property
    def ready(self) -> bool:
        """Whether both are there."""
        return self._answering.ready and self._small.ready

    @property
    def usage(self) -> Usage:
        """What both have done so far."""
        pairs = zip(astuple(self._answering.usage), astuple(self._small.usage), strict=True)
        return Usage(*(one + other for one, other in pairs))

    async def stream(self, request: Completion) -> AsyncIterator[str]:
        """Yield pieces of text. Raises ModelBusy, ModelFailed or ModelUnusable."""
        model = self._small if request.small else self._answering
        async with aclosing(model.stream(request)) as pieces:  # type: ignore[type-var] # a generator
            async for piece in pieces:
                yield piece

    async def count_tokens(self, messages: Sequence[ChatMessage]) -> int:
        """Return how many tokens the messages take as a prompt."""
        return await self._answering.count_tokens(messages)

    async def score(
        self, messages: Sequence[ChatMessage], continuations: Sequence[str], audience: str
    ) -> list[float]:
        """Return for each continuation the log-probability that it follows the messages."""
        return await self._answering.score(messages, continuations, audience)

    async def weigh(self, request: Completion) -> list[Chance]:
        """Return the tokens of the text that is generated, each with its log-probability."""
        return await self._answering.weigh(request)
