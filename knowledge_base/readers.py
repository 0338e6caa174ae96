"""Articles from files: Markdown, HTML, PDF, DOCX, plain text and JSON lines."""

import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from knowledge_base.articles import PUBLIC, Article

HEADING = re.compile(r"^\s*#\s+(.+?)\s*#*\s*$", re.MULTILINE)
SLUG = re.compile(r"[^\w/.-]+")
ENOUGH_OF_PAGE = 0.7


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A file, or a line of one, that could not become an article."""

    path: str
    reason: str


class CannotRead(ValueError):  # noqa: N818 - it reads as what happened
    """Why a file could not be read, in words for the person who has it."""


def read_articles(paths: Sequence[Path]) -> Iterator[Article | Unreadable]:
    """Yield the articles of files and folders, and what could not be read among them.

    Folders are read in depth, in order of name, without hidden files and files of other kinds. An
    id that comes twice is unreadable the second time.
    """
    seen: dict[str, str] = {}
    for path, root in _find_files(paths):
        for item in _read_file(path, root):
            if isinstance(item, Article) and item.id in seen:
                reason = f"its id {item.id!r} is already taken by {seen[item.id]}; give it another"
                yield Unreadable(str(path), reason)
                continue
            if isinstance(item, Article):
                seen[item.id] = str(path)
            yield item


def _find_files(paths: Sequence[Path]) -> Iterator[tuple[Path, Path]]:
    for path in paths:
        if not path.is_dir():
            yield path, path.parent
            continue
        for found in sorted(path.rglob("*")):
            hidden = any(part.startswith(".") for part in found.relative_to(path).parts)
            if found.is_file() and not hidden and found.suffix.lower() in READERS:
                yield found, path


def _read_file(path: Path, root: Path) -> Iterator[Article | Unreadable]:
    try:
        if path.suffix.lower() == ".jsonl":
            yield from _read_lines(path)
        else:
            yield _read_document(path, root)
    except CannotRead as error:
        yield Unreadable(str(path), str(error))
    except FileNotFoundError:
        yield Unreadable(str(path), "there is no such file")
    except UnicodeDecodeError:
        yield Unreadable(str(path), "it is not UTF-8 text; save it as UTF-8")
    except OSError as error:
        yield Unreadable(str(path), error.strerror or str(error))


def _read_document(path: Path, root: Path) -> Article:
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        kinds = ", ".join(sorted(READERS))
        raise CannotRead(f"files of this kind are not read; these are: {kinds}")
    fields, text = reader(path)
    title, text = _take_title(fields.get("title"), text, path)
    if not text.strip():
        raise CannotRead("there is no text in it")
    relative = path.relative_to(root).with_suffix("").as_posix()
    return Article(
        id=str(fields.get("id") or SLUG.sub("-", relative).strip("-")),
        title=title,
        text=text.strip(),
        audience=str(fields.get("audience") or PUBLIC),
    )


def _take_title(given: object, text: str, path: Path) -> tuple[str, str]:
    heading = HEADING.search(text)
    if heading and not text[: heading.start()].strip():
        rest = text[heading.end() :]
        if given is None or str(given).strip() == heading.group(1):
            return heading.group(1), rest
    return str(given or path.stem.replace("-", " ").replace("_", " ").capitalize()), text


def _read_lines(path: Path) -> Iterator[Article | Unreadable]:
    empty = True
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            if line.strip():
                empty = False
                yield _read_line(line, f"{path}:{number}")
    if empty:
        raise CannotRead("there is no article in it")


def _read_line(line: str, place: str) -> Article | Unreadable:
    try:
        row = json.loads(line)
    except ValueError as error:
        return Unreadable(place, f"this line is not JSON: {error}")
    if not isinstance(row, dict) or not isinstance(row.get("text"), str) or "id" not in row:
        return Unreadable(place, 'each line needs "id" and "text", and should have "title"')
    if not row["text"].strip() or not str(row["id"]).strip():
        return Unreadable(place, "its id or its text is empty")
    return Article(
        id=str(row["id"]),
        title=str(row.get("title") or ""),
        text=row["text"].strip(),
        audience=str(row.get("audience") or PUBLIC),
    )


def _read_markdown(path: Path) -> tuple[dict[str, Any], str]:
    import frontmatter  # noqa: PLC0415 - only imports need the readers' libraries
    import yaml  # noqa: PLC0415

    try:
        post = frontmatter.loads(path.read_text(encoding="utf-8-sig"))
    except yaml.YAMLError as error:
        raise CannotRead(f"its front matter is not YAML: {error}") from error
    return dict(post.metadata), post.content


def _read_text(path: Path) -> tuple[dict[str, Any], str]:
    return {}, path.read_text(encoding="utf-8-sig")


def _read_html(path: Path) -> tuple[dict[str, Any], str]:
    import trafilatura  # noqa: PLC0415

    html = path.read_text(encoding="utf-8-sig")
    whole = _to_markdown(html)
    extracted = trafilatura.extract(
        html, output_format="markdown", include_tables=True, include_formatting=True,
        include_links=True, favor_recall=True,
    )  # fmt: skip
    # trafilatura leaves menus and footers out, but on small pages structure too: then keep all.
    text = extracted if extracted and _keeps_structure(extracted, whole) else whole
    title = re.search(r"(?is)<title[^>]*>(.*?)</title>", html)
    return ({"title": " ".join(title.group(1).split())} if title else {}), text


def _keeps_structure(extracted: str, whole: str) -> bool:
    marks = (r"^#{1,6} ", r"^\s*(?:[-*+]|\d+\.) ", r"^\s*\|", r"^```")
    return all(
        len(re.findall(mark, extracted, re.MULTILINE))
        >= ENOUGH_OF_PAGE * len(re.findall(mark, whole, re.MULTILINE))
        for mark in marks
    )


def _to_markdown(html: str) -> str:
    from bs4 import BeautifulSoup  # noqa: PLC0415
    from markdownify import markdownify  # noqa: PLC0415

    soup = BeautifulSoup(html, "html.parser")
    for tag in soup(["script", "style", "head", "nav", "footer", "template", "noscript"]):
        tag.decompose()
    text = markdownify(str(soup), heading_style="ATX", bullets="-")
    return re.sub(r"\n{3,}", "\n\n", text).strip()


def _read_pdf(path: Path) -> tuple[dict[str, Any], str]:
    import liteparse  # noqa: PLC0415

    if not path.read_bytes()[:1024].lstrip().startswith(b"%PDF"):
        raise CannotRead("it is not a PDF")
    parser = liteparse.LiteParse(
        ocr_enabled=False, output_format="markdown", image_mode="off", quiet=True
    )
    try:
        text = parser.parse(str(path)).text
    except liteparse.ParseError as error:
        raise CannotRead(f"the PDF is damaged or has a password: {error}") from error
    if not text.strip():
        raise CannotRead("the PDF holds pictures of text only; save it with its text")
    return {}, text


def _read_docx(path: Path) -> tuple[dict[str, Any], str]:
    import zipfile  # noqa: PLC0415

    import mammoth  # noqa: PLC0415

    try:
        with path.open("rb") as file:
            html = mammoth.convert_to_html(file).value
    except (zipfile.BadZipFile, KeyError) as error:
        raise CannotRead("it is not a DOCX file, or it is damaged or has a password") from error
    return {}, _to_markdown(html)


READERS: dict[str, Callable[[Path], tuple[dict[str, Any], str]]] = {
    ".md": _read_markdown,
    ".markdown": _read_markdown,
    ".html": _read_html,
    ".htm": _read_html,
    ".pdf": _read_pdf,
    ".docx": _read_docx,
    ".txt": _read_text,
    ".jsonl": _read_text,  # read line by line before it comes to this
}
