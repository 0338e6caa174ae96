"""Earlier conversations about the same, which a person resolved."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from anyio import to_thread

from agent.ports import Encoder
from api.storage.questions import Questions, Resolved

# Below this MiniLM's nearest question is mostly about something else: pets and parking are at 0.45.
NEAR = 0.55
MOST = 3
LOOKED_AT = 500


@dataclass(frozen=True, slots=True)
class Similar:
    """A resolved conversation, and the cosine of its question and the one at hand."""

    resolved: Resolved
    similarity: float


class SimilarConversations:
    """Compares questions in memory; the encoder remembers their vectors.

    Customers' conversations are never put into the index that answers are made from.
    """

    def __init__(self, questions: Questions, encoder: Encoder) -> None:
        self._questions = questions
        self._encoder = encoder

    async def find(self, conversation_id: str) -> Sequence[Similar]:
        """Return the nearest of the newest resolved conversations, best first.

        Of those with the same answer only the nearest is there.
        """
        asked = await to_thread.run_sync(self._questions.find_asked, conversation_id)
        if asked is None:
            return []
        newest = await to_thread.run_sync(self._questions.list_resolved, LOOKED_AT)
        others = [one for one in newest if one.conversation_id != conversation_id]
        vectors = await self._encoder.encode([asked, *(other.question for other in others)])
        near = vectors[1:] @ vectors[0]
        best: dict[str, Similar] = {}
        for place in np.argsort(-near, kind="stable"):
            if near[place] < NEAR or len(best) == MOST:
                break
            other = others[place]
            best.setdefault(other.answer, Similar(other, float(near[place])))
        return list(best.values())
