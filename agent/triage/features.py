"""What the views see of tickets."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from agent.triage.encoding import Vectors

Rows = NDArray[np.int64]


class Depth(IntEnum):
    """How closely a ticket was looked at; each depth sees what those before it see."""

    WORDS = 0
    QUICK = 1
    THOROUGH = 2


@dataclass(frozen=True, slots=True)
class Features:
    """Rows of tickets: their words, and as many embedders' vectors as there are."""

    words: csr_matrix
    vectors: tuple[Vectors, ...] = field(default=())

    def __len__(self) -> int:
        """How many tickets these are."""
        return int(self.words.shape[0])

    @property
    def depth(self) -> Depth:
        """How deep these features reach."""
        return Depth(len(self.vectors))

    def take(self, rows: Rows | Sequence[int]) -> Self:
        """Return some of the rows."""
        return type(self)(self.words[rows], tuple(each[rows] for each in self.vectors))

    def add(self, vectors: Vectors) -> Self:
        """Return them one depth deeper."""
        return type(self)(self.words, (*self.vectors, vectors))

    def see(self, depth: Depth) -> Any:  # noqa: ANN401 - sparse or dense
        """Return what one depth adds: rows of length one, whose products are cosines."""
        return self.words if depth is Depth.WORDS else self.vectors[depth - 1]

    def list_views(self) -> list[Any]:
        """Return the features of each view, in the order in which stacks weigh them."""
        return [self.words, *self.vectors]
