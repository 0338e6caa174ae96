"""The embedded models at work: one that answers, and maybe a smaller one, each in its process."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import aclosing, contextmanager
from dataclasses import astuple

from agent.models.child import Weights
from agent.models.local import LocalChatModel
from agent.ports import Chance, ChatMessage, Completion, Usage


class Fleet:
    """Gives each request to the model that it is for; whatever else is asked, the answering one.

    Another model can succeed the one that answers while requests run. Whoever holds a model has
    it to the end, so that one model writes the whole of a turn; one that was succeeded ends once
    nobody has it any more.
    """

    def __init__(self, answering: LocalChatModel, small: LocalChatModel | None = None) -> None:
        self._answering = answering
        self._small = small
        self._open = [answering, *([small] if small else [])]
        self._past = Usage()
        self._lent: Counter[LocalChatModel] = Counter()
        self._leaving: set[asyncio.Task[None]] = set()

    @property
    def name(self) -> str:
        """The answering model's name, and the small one's."""
        return " + ".join(model.name for model in (self._answering, self._small) if model)

    @property
    def sha256(self) -> str:
        """The hash of the answering model's file."""
        return self._answering.sha256

    @property
    def context_tokens(self) -> int:
        """How many tokens a prompt and its completion may have together."""
        return self._answering.context_tokens

    @property
    def weights(self) -> Weights:
        """How large the answering model is."""
        return self._answering.weights

    @property
    def ready(self) -> bool:
        """Whether all are there."""
        return self._answering.ready and (self._small is None or self._small.ready)

    @property
    def usage(self) -> Usage:
        """What all have done so far, those that were succeeded too."""
        return _add([self._past, *(model.usage for model in self._open)])

    def succeed(self, successor: LocalChatModel) -> None:
        """Let a model that was started answer whatever is asked from now on; it is the fleet's."""
        predecessor, self._answering = self._answering, successor
        self._open.append(successor)
        self._see_off(predecessor)

    @contextmanager
    def hold(self) -> Iterator["Fleet"]:
        """Lend the models of this moment, for all of a turn."""
        with self._lend() as model:
            yield Fleet(model, self._small)

    async def aclose(self) -> None:
        """End all models."""
        if self._leaving:
            await asyncio.wait(self._leaving)
        for model in list(self._open):  # one may be seen off meanwhile
            await model.aclose()

    async def stream(self, request: Completion) -> AsyncIterator[str]:
        """Yield pieces of text. Raises ModelBusy, ModelFailed or ModelUnusable."""
        with self._lend(small=request.small) as model:
            async with aclosing(model.stream(request)) as pieces:  # type: ignore[type-var] # a generator
                async for piece in pieces:
                    yield piece

    async def count_tokens(self, messages: Sequence[ChatMessage]) -> int:
        """Return how many tokens the messages take as a prompt."""
        with self._lend() as model:
            return await model.count_tokens(messages)

    async def score(self, request: Completion, continuations: Sequence[str]) -> list[float]:
        """Return for each continuation the log-probability that it follows the messages."""
        with self._lend() as model:
            return await model.score(request, continuations)

    async def weigh(self, request: Completion) -> list[Chance]:
        """Return the tokens of the text that is generated, each with its log-probability."""
        with self._lend() as model:
            return await model.weigh(request)

    @contextmanager
    def _lend(self, *, small: bool = False) -> Iterator[LocalChatModel]:
        model = self._small if small and self._small else self._answering
        self._lent[model] += 1
        try:
            yield model
        finally:
            self._lent[model] -= 1
            self._see_off(model)

    def _see_off(self, model: LocalChatModel) -> None:
        """End a model that was succeeded, unless somebody has it still."""
        if model in {self._answering, self._small} or self._lent[model]:
            return
        leaving = asyncio.create_task(self._end(model))
        self._leaving.add(leaving)
        leaving.add_done_callback(self._leaving.discard)

    async def _end(self, model: LocalChatModel) -> None:
        await model.aclose()
        self._open.remove(model)
        self._past = _add([self._past, model.usage])


def _add(usages: Iterable[Usage]) -> Usage:
    return Usage(*map(sum, zip(*map(astuple, usages), strict=True)))
