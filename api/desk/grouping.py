"""Questions into groups of one meaning."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from anyio import to_thread
from cachetools import LRUCache
from numpy.typing import NDArray

from agent.ports import Encoder
from api.storage.questions import Questions, Unanswered

# With MiniLM, on the 50 questions of 15 topics in tests/api/desk/topics.txt: 0.5 tears topics apart
# (adjusted Rand index 0.60), 0.6 gives 0.79, and 0.7 throws cancelling and refunds together.
FARTHEST = 0.6
REMEMBERED = 16


@dataclass(frozen=True, slots=True)
class Group:
    """Questions of one meaning, newest first; `representative` is nearest to all the others."""

    representative: Unanswered
    questions: tuple[Unanswered, ...]

    @property
    def count(self) -> int:
        """How many conversations asked: who asks thrice in one is one customer."""
        return len({question.conversation_id for question in self.questions})

    @property
    def last_seen(self) -> datetime:
        """When it was asked last."""
        return self.questions[0].asked_at

    @property
    def languages(self) -> list[str]:
        """The languages that it was asked in, as far as known, the most frequent first."""
        known = [question.language for question in self.questions if question.language]
        return [name for name, _ in Counter(known).most_common()]

    @property
    def lacks(self) -> list[tuple[str, int]]:
        """How it showed that there was no answer, and how often."""
        return Counter(question.lack.value for question in self.questions).most_common()


class QuestionGroups:
    """Groups open questions, and remembers the groups as long as the questions are the same.

    It is for staff alone: what customers said is never put into the index that answers them.
    """

    def __init__(self, questions: Questions, encoder: Encoder) -> None:
        self._questions = questions
        self._encoder = encoder
        self._known: LRUCache[tuple[tuple[str, str], ...], list[Group]] = LRUCache(REMEMBERED)

    async def list(self, since: datetime, site_id: str | None = None) -> Sequence[Group]:
        """Return the groups of what was asked since a moment, the most frequent first."""
        open_ones = await to_thread.run_sync(self._questions.list_unanswered, since, site_id)
        key = tuple((question.turn_id, question.lack.value) for question in open_ones)
        if key not in self._known:
            vectors = await self._encoder.encode([question.question for question in open_ones])
            self._known[key] = await to_thread.run_sync(group_by_meaning, open_ones, vectors)
        return self._known[key]

    async def find(self, turn_id: str, since: datetime) -> Group | None:
        """Return the group that a turn's question is in, None if it is in none."""
        groups = await self.list(since)
        return next((g for g in groups if turn_id in {q.turn_id for q in g.questions}), None)


def group_by_meaning(questions: Sequence[Unanswered], vectors: NDArray[np.float32]) -> list[Group]:
    """Return the groups, the most frequent first; `vectors` are of length one, in their order."""
    if not questions:
        return []
    labels = _cluster(vectors)
    groups = [_make_group(questions, vectors, np.flatnonzero(labels == n)) for n in set(labels)]
    return sorted(groups, key=lambda group: (group.count, group.last_seen), reverse=True)


def _cluster(vectors: NDArray[np.float32]) -> NDArray[np.int64]:
    if len(vectors) == 1:
        return np.zeros(1, np.int64)
    from sklearn.cluster import AgglomerativeClustering  # noqa: PLC0415 - it takes a second

    clustering = AgglomerativeClustering(
        n_clusters=None, metric="cosine", linkage="average", distance_threshold=FARTHEST
    )
    labels: NDArray[np.int64] = clustering.fit_predict(vectors)
    return labels


def _make_group(
    questions: Sequence[Unanswered], vectors: NDArray[np.float32], places: NDArray[np.int64]
) -> Group:
    members = vectors[places]
    central = places[int(np.argmax(members @ members.sum(axis=0)))]
    ordered = sorted((questions[i] for i in places), key=lambda q: q.asked_at, reverse=True)
    return Group(questions[central], tuple(ordered))
