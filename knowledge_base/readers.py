"""Articles from files and folders: Markdown, HTML, PDF, DOCX, plain text and JSON lines."""

import json
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markdown_it import MarkdownIt

from knowledge_base.articles import PUBLIC, Article
from knowledge_base.formats import READERS, CannotRead, clean

LINES = ".jsonl"
SLUG = re.compile(r"[^\w/.-]+")
AUDIENCE = re.compile(r"[\w.-]+")
_MARKDOWN = MarkdownIt("commonmark")


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A file, a line of one, or a folder that could not be read."""

    path: str
    reason: str


def read_articles(paths: Sequence[Path]) -> Iterator[Article | Unreadable]:
    """Yield the articles of files and folders, and what could not be read among them.

    Folders are read in depth, in order of name, without hidden files and files of other kinds. An
    id that comes twice is unreadable the second time.
    """
    seen: dict[str, str] = {}
    for path, root in _find_files(paths):
        for place, item in _read_file(path, root):
            if isinstance(item, Unreadable):
                yield item
            elif item.id in seen:
                reason = f"its id {item.id!r} is already taken by {seen[item.id]}; give it another"
                yield Unreadable(place, reason)
            else:
                seen[item.id] = place
                yield item


def _find_files(paths: Sequence[Path]) -> Iterator[tuple[Path, Path | OSError]]:
    """Yield each file with the folder that its id is relative to, or with why it is none."""
    for path in paths:
        if path.is_dir():
            yield from _walk(path)
        else:
            yield path, path.parent


def _walk(root: Path) -> Iterator[tuple[Path, Path | OSError]]:
    found: list[Path] = []
    closed: list[OSError] = []
    for folder, folders, names in os.walk(root, onerror=closed.append):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [Path(folder, name) for name in names if not name.startswith(".")]
    for path in sorted(found):
        if path.is_file() and path.suffix.lower() in {*READERS, LINES}:
            yield path, root
    for error in closed:
        yield Path(str(error.filename)), error


def _read_file(path: Path, root: Path | OSError) -> Iterator[tuple[str, Article | Unreadable]]:
    """Yield what a file holds, each with its place: the file, or a line of it."""
    try:
        if isinstance(root, OSError):
            raise root  # noqa: TRY301 - a closed folder is told of as a closed file is
        if path.suffix.lower() == LINES:
            yield from _read_lines(path)
        else:
            yield str(path), _read_document(path, root)
    except Exception as error:  # noqa: BLE001 - parsers fail in many ways, and others' files go in
        yield str(path), Unreadable(str(path), _explain(error))


def _explain(error: Exception) -> str:
    if isinstance(error, CannotRead):
        return str(error)
    if isinstance(error, FileNotFoundError):
        return "there is no such file; look at its name"
    if isinstance(error, UnicodeDecodeError):
        return "it is not UTF-8 text; save it as UTF-8"
    if isinstance(error, OSError):
        return f"it cannot be opened ({error.strerror or error}); see who may read it"
    return f"it is damaged or too deeply nested ({type(error).__name__}); save it again"


def _read_document(path: Path, root: Path) -> Article:
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        kinds = ", ".join(sorted([*READERS, LINES]))
        raise CannotRead(f"files of this kind are not read; save it as one of {kinds}")
    fields, text = reader(path)
    if not text.strip():
        raise CannotRead("there is no text in it; fill it or take it away")
    relative = path.relative_to(root).with_suffix("").as_posix()
    fallback = path.stem.replace("-", " ").replace("_", " ").capitalize()
    return _make_article({"id": SLUG.sub("-", relative).strip("-")} | fields, text, fallback)


def _read_lines(path: Path) -> Iterator[tuple[str, Article | Unreadable]]:
    empty = True
    with path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            if line.strip():
                empty = False
                yield f"{path}:{number}", _read_line(line, f"{path}:{number}")
    if empty:
        raise CannotRead("there is no article in it; fill it or take it away")


def _read_line(line: bytes, place: str) -> Article | Unreadable:
    try:
        row = json.loads(line.decode("utf-8-sig"))
        if not isinstance(row, dict) or not isinstance(row.get("text"), str) or "id" not in row:
            raise CannotRead('each line needs "id" and "text", and should have "title"')  # noqa: TRY301
        if not row["text"].strip():
            raise CannotRead("its text is empty; fill it or take the line away")  # noqa: TRY301
        return _make_article(row, row["text"], "")
    except json.JSONDecodeError as error:
        return Unreadable(place, f"this line is not JSON ({error}); mend it")
    except Exception as error:  # noqa: BLE001 - the other lines go in
        return Unreadable(place, _explain(error))


def _make_article(fields: dict[str, Any], text: str, fallback: str) -> Article:
    """Return an article of fields that somebody wrote: every one of them may be anything."""
    article_id = _read_field(fields, "id")
    if not article_id:
        raise CannotRead('its "id" is empty; give it one')
    audience = _read_field(fields, "audience").lower() or PUBLIC
    if not AUDIENCE.fullmatch(audience):
        raise CannotRead(f"its audience {audience!r} is none; name one in letters and digits")
    title, rest = _take_title(_read_field(fields, "title"), clean(text).strip())
    return _check_unicode(Article(article_id, title or fallback, rest or title, audience))


def _read_field(fields: dict[str, Any], name: str) -> str:
    value = fields.get(name)
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise CannotRead(f'its "{name}" is no plain text but {value!r}; put it in quotation marks')
    return " ".join(clean(str(value)).split())


def _take_title(given: str, text: str) -> tuple[str, str]:
    """Return the title and the text without the heading that says it."""
    tokens = _MARKDOWN.parse(text)
    if not tokens or tokens[0].type != "heading_open" or not tokens[0].map:
        return given, text
    parts = [part.content or " " for part in tokens[1].children or []]
    heading = " ".join("".join(parts).split())
    if given and given.casefold() != heading.casefold():
        return given, text
    return given or heading, "\n".join(text.split("\n")[tokens[0].map[1] :]).strip()


def _check_unicode(article: Article) -> Article:
    try:
        _ = article.content_hash
    except UnicodeEncodeError as error:
        raise CannotRead("it holds half a character (a lone surrogate); mend it") from error
    return article
