"""An import that kills itself, as `kill -9` would, at a point that is named on its command line."""

import os
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import event

from api.storage.articles import SqlArticleRepository
from api.storage.database import migrate, open_database
from knowledge_base.ingest import Ingest
from tests.knowledge_base.fake_embedder import FakeEmbedder


class Bomb:
    """Kills the process the `count`th time that it is hit with `name`."""

    def __init__(self, name: str, count: int) -> None:
        self._name, self._left = name, count

    def hit(self, name: str) -> None:
        self._left -= name == self._name
        if not self._left:
            os.kill(os.getpid(), signal.SIGKILL)


class DeadlyEmbedder(FakeEmbedder):
    def __init__(self, bomb: Bomb) -> None:
        super().__init__()
        self._bomb = bomb

    def encode(
        self, texts: Sequence[str], progress: Callable[[int], None] = lambda _: None
    ) -> NDArray[np.float32]:
        self._bomb.hit("embedding")
        return super().encode(texts, progress)


def main(database: str, articles: str, index: str, name: str, count: str) -> None:
    bomb = Bomb(name, int(count))
    engine = open_database(database)
    migrate(engine)

    @event.listens_for(engine, "after_cursor_execute")
    def _hit_statement(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if statement.startswith("INSERT INTO passages"):
            bomb.hit("saving")

    def notify(stage: str, _done: int, _total: int) -> None:
        bomb.hit(stage)

    repository = SqlArticleRepository(engine)
    Ingest(repository, DeadlyEmbedder(bomb), Path(index), notify).import_paths([Path(articles)])


if __name__ == "__main__":
    main(*sys.argv[1:])
