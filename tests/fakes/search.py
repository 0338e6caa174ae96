"""A search whose rankings are fixed."""

from collections.abc import Mapping, Sequence

from knowledge_base.articles import PUBLIC, STAFF, Hit, Ranking


class FakeSearch:
    """Finds the hits that it holds for a question, else `otherwise`; nobody sees staff's but staff.

    `asked` holds what was searched for, in order: (question, audience, limit).
    """

    def __init__(
        self,
        otherwise: Sequence[Hit] = (),
        by_question: Mapping[str, Sequence[Hit]] | None = None,
        generation: int = 7,
    ) -> None:
        self.otherwise = otherwise
        self.asked: list[tuple[str, str, int]] = []
        self._by_question = by_question or {}
        self._generation = generation

    async def search(self, question: str, audience: str, limit: int) -> Ranking:
        self.asked.append((question, audience, limit))
        readable = {PUBLIC, audience}
        hits = [
            hit
            for hit in self._by_question.get(question, self.otherwise)
            if audience == STAFF or hit.passage.audience in readable
        ]
        return Ranking(question, tuple(hits[:limit]), self._generation)
