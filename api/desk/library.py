"""Articles that staff write or upload, taken in on the road of `kb import`."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from knowledge_base.articles import Article
from knowledge_base.embedding import Embedder
from knowledge_base.readers import Unreadable, read_articles
from knowledge_base.repository import ArticleRepository

if TYPE_CHECKING:
    from knowledge_base.ingest import ImportReport


@dataclass(frozen=True, slots=True)
class Upload:
    """A file as a browser sent it."""

    name: str
    content: bytes


class Library:
    """Takes articles in, and lets them be found at once; its methods block.

    `refresh` moves the opened index on to what was taken in.
    """

    def __init__(
        self,
        repository: ArticleRepository,
        embedder: Embedder,
        index_root: Path,
        refresh: Callable[[], object],
    ) -> None:
        from knowledge_base.ingest import Ingest  # noqa: PLC0415 - Chroma takes long to import

        self._repository = repository
        self._ingest = Ingest(repository, embedder, index_root)
        self._refresh = refresh

    def list_ids(self) -> set[str]:
        """Return the ids of the current articles."""
        return set(self._repository.fingerprints())

    def read_generation(self) -> int:
        """Return the number of the last change to what can be found."""
        return self._repository.generation()

    def find(self, article_id: str) -> Article | None:
        """Return an article as it is now, None if there is none."""
        return self._repository.article(article_id)

    def store(self, article: Article) -> "ImportReport":
        """Take in one article; raises ImportRunning."""
        return self._import([article])

    def take_files(self, uploads: Sequence[Upload], audience: str | None = None) -> "ImportReport":
        """Take in files, whole folders' worth of articles among them; raises ImportRunning.

        `audience` is for whom all of them are; None leaves it to what each of them says.
        """
        articles, unreadable = _read(uploads)
        if audience is not None:
            articles = [replace(article, audience=audience) for article in articles]
        report = self._import(articles)
        report.unreadable.extend(unreadable)
        return report

    def _import(self, articles: Sequence[Article]) -> "ImportReport":
        report = self._ingest.import_articles(articles)
        self._refresh()
        return report


def _read(uploads: Sequence[Upload]) -> tuple[list[Article], list[Unreadable]]:
    """Read files with the import's own readers, which take paths."""
    articles: list[Article] = []
    unreadable: list[Unreadable] = []
    with TemporaryDirectory() as folder:
        paths = [_write(Path(folder), upload) for upload in uploads]
        for item in read_articles(list(dict.fromkeys(paths))):
            if isinstance(item, Unreadable):
                shown = [text.replace(f"{folder}/", "") for text in (item.path, item.reason)]
                unreadable.append(Unreadable(*shown))
            else:
                articles.append(item)
    return articles, unreadable


def _write(folder: Path, upload: Upload) -> Path:
    # Browsers send bare names, but others may not: nothing is written outside of the folder.
    name = Path(upload.name.replace("\\", "/")).name.replace("\x00", "")
    path = folder / (name or "unnamed")
    path.write_bytes(upload.content)
    return path
