"""File formats into Markdown: each reader returns a document's fields and its text."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bs4 import BeautifulSoup

# The readers' libraries take a while to import, and only imports need them (hence PLC0415 below).
ENOUGH_OF_PAGE = 0.7
NOT_TEXT = ["script", "style", "head", "nav", "footer", "template", "noscript"]
# Text that PostgreSQL cannot keep, or nobody can read: all control characters but tab and newline.
CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")

Document = tuple[dict[str, Any], str]


class CannotRead(ValueError):  # noqa: N818 - it reads as what happened
    """Why a file could not be read, in words for the person who has it."""


def clean(text: str) -> str:
    """Return the text with plain line ends and no control characters."""
    return CONTROLS.sub(" ", re.sub(r"\r\n?|\x0c", "\n", text))


def _read_markdown(path: Path) -> Document:
    import frontmatter  # noqa: PLC0415
    import yaml  # noqa: PLC0415

    text = path.read_text(encoding="utf-8-sig")
    try:
        post = frontmatter.loads(text)
    except yaml.YAMLError as error:
        line = str(error).splitlines()[-1].strip()
        raise CannotRead(f"its front matter is not YAML ({line}); mend it") from error
    return dict(post.metadata), post.content


def _read_text(path: Path) -> Document:
    return {}, path.read_text(encoding="utf-8-sig")


def _read_html(path: Path) -> Document:
    from bs4 import BeautifulSoup  # noqa: PLC0415

    html = path.read_text(encoding="utf-8-sig")
    soup = BeautifulSoup(html, "html.parser")
    heading = soup.h1 or soup.title
    fields = {"title": " ".join(heading.get_text(" ").split())} if heading else {}
    whole = _to_markdown(soup)
    extracted = _extract_article(html)
    # trafilatura leaves menus and footers out, but on small pages structure too: then keep all.
    return fields, extracted if _keeps_structure(extracted, whole) else whole


def _extract_article(html: str) -> str:
    import trafilatura  # noqa: PLC0415

    extracted = trafilatura.extract(
        html,
        output_format="markdown",
        include_comments=False,
        include_tables=True,
        include_formatting=True,
        include_links=True,
        favor_recall=True,
    )
    return extracted or ""


def _keeps_structure(extracted: str, whole: str) -> bool:
    marks = (r"^#{1,6} ", r"^\s*(?:[-*+]|\d+\.) ", r"^\s*\|", r"^```", r"\w+")
    return all(
        len(re.findall(mark, extracted, re.MULTILINE))
        >= ENOUGH_OF_PAGE * len(re.findall(mark, whole, re.MULTILINE))
        for mark in marks
    )


def _to_markdown(soup: "BeautifulSoup") -> str:
    from markdownify import MarkdownConverter  # noqa: PLC0415

    for tag in soup(NOT_TEXT):
        tag.decompose()
    for image in soup("img"):  # a picture says nothing to a reader of text; its description does
        image.replace_with(str(image.get("alt") or ""))
    converter = MarkdownConverter(
        heading_style="ATX",
        bullets="-",
        escape_misc=False,
        escape_underscores=False,
        table_infer_header=True,
    )
    text: str = converter.convert_soup(soup)
    return re.sub(r"\n{3,}", "\n\n", text).strip()


def _read_pdf(path: Path) -> Document:
    import liteparse  # noqa: PLC0415

    if b"%PDF" not in path.read_bytes()[:1024]:
        raise CannotRead("it is not a PDF; look at how it was made, and save it again")
    parser = liteparse.LiteParse(
        ocr_enabled=False, output_format="markdown", image_mode="off", quiet=True
    )
    try:
        text = parser.parse(str(path)).text
    except liteparse.ParseError as error:
        if "password" in str(error).lower():
            raise CannotRead("the PDF has a password; save it without one") from error
        raise CannotRead(f"the PDF is damaged ({error}); save it again") from error
    if not text.strip():
        raise CannotRead("the PDF holds no text, perhaps pictures of it; save it with its text")
    return {}, re.sub(r"(?m)^-{5,}\n", "", text)  # the lines that stand between pages


def _read_docx(path: Path) -> Document:
    import zipfile  # noqa: PLC0415

    import mammoth  # noqa: PLC0415
    from bs4 import BeautifulSoup  # noqa: PLC0415

    try:
        with path.open("rb") as file:
            html = mammoth.convert_to_html(
                file,
                style_map="p[style-name='Title'] => h1:fresh",
                convert_image=mammoth.images.img_element(lambda _: {"src": ""}),
            ).value
    except zipfile.BadZipFile as error:
        reason = "it is not a DOCX file, or it is damaged or has a password; save it again as DOCX"
        raise CannotRead(reason) from error
    return {}, _to_markdown(BeautifulSoup(html, "html.parser"))


READERS: dict[str, Callable[[Path], Document]] = {
    ".md": _read_markdown,
    ".markdown": _read_markdown,
    ".html": _read_html,
    ".htm": _read_html,
    ".pdf": _read_pdf,
    ".docx": _read_docx,
    ".txt": _read_text,
}
