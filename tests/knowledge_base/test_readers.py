import io
import json
import zipfile
from pathlib import Path
from typing import Any

import docx
import pytest
from reportlab.lib import pdfencrypt
from reportlab.lib.styles import getSampleStyleSheet
from reportlab.platypus import ListFlowable, Paragraph, Preformatted, SimpleDocTemplate, Table

from knowledge_base.articles import PUBLIC, STAFF, Article
from knowledge_base.readers import Unreadable, read_articles
from tests.knowledge_base.conftest import Write


def read(*paths: Path) -> list[Article | Unreadable]:
    return list(read_articles(paths))


def read_one(path: Path) -> Article:
    (item,) = read(path)
    assert isinstance(item, Article), item
    return item


def read_reason(path: Path) -> str:
    (item,) = read(path)
    assert isinstance(item, Unreadable), item
    assert item.path.startswith(str(path))
    return item.reason


def test_front_matter_says_id_title_and_audience(write: Write) -> None:
    path = write("a.md", "---\nid: fees\ntitle: Our fees\naudience: Staff\nx: 1\n---\nText.\n")
    assert read_one(path) == Article("fees", "Our fees", "Text.", STAFF)


def test_without_front_matter_path_and_heading_say_it(write: Write, folder: Path) -> None:
    write("guests/My pets & co.md", "Fees\n====\n\nText with a\n\n# later heading\n")
    (article,) = read(folder)
    assert article == Article("guests/My-pets-co", "Fees", "Text with a\n\n# later heading", PUBLIC)


def test_a_file_without_heading_is_called_by_its_name(write: Write) -> None:
    assert read_one(write("late-check_out.txt", "Text.")).title == "Late check out"


def test_another_heading_than_the_title_stays_in_the_text(write: Write) -> None:
    article = read_one(write("a.md", "---\ntitle: Fees\n---\n# Cards\n\nText."))
    assert (article.title, article.text) == ("Fees", "# Cards\n\nText.")


def test_an_article_of_nothing_but_a_heading_keeps_it(write: Write) -> None:
    assert read_one(write("a.md", "# Closed on Sundays")).text == "Closed on Sundays"


PAGE = """<!doctype html><html><head><title>Refunds &amp; more - Larkstay</title></head><body>
<nav><ul><li><a href="/">Home page</a></li></ul></nav><main><article><h1>Refunds</h1>
<p>We pay refunds within five working days. This paragraph is as long as those of real pages.</p>
<h2>Fees</h2><table><tr><th>Plan</th><th>Fee</th></tr><tr><td>Basic</td><td>3%</td></tr></table>
<h2>Steps</h2><ol><li>Open <b>Trips</b></li><li>Choose cancel</li></ol>
<h3>For developers</h3><pre><code>def pay():
    return 5
</code></pre><img src="data:image/png;base64,AAAA" alt="a picture"></article></main>
<footer>Imprint and cookies</footer><script>track()</script></body></html>"""
FRAGMENT = "<h2>Pets</h2><ul><li>cats<ul><li>small</li></ul></li></ul><pre>a\n  b</pre>"


def test_a_page_keeps_its_structure_and_leaves_its_frame(write: Write) -> None:
    article = read_one(write("page.html", PAGE))
    assert article.title == "Refunds"
    for part in ("## Fees", "| Basic | 3% |", "2. Choose cancel", "### For developers"):
        assert part in article.text
    assert "```\ndef pay():\n    return 5\n```" in article.text
    for part in ("Home page", "Imprint", "track()", "base64", "# Refunds"):
        assert part not in article.text


def test_a_fragment_keeps_its_structure(write: Write) -> None:
    article = read_one(write("fragment.html", FRAGMENT))
    assert article.title == "Pets"
    assert article.text == "- cats\n  - small\n\n```\na\n  b\n```"


def make_docx(path: Path) -> Path:
    document = docx.Document()
    document.add_heading("Refunds", 0)
    document.add_heading("When", 1)
    document.add_paragraph("We pay in five days.")
    document.add_paragraph("to the card", style="List Bullet")
    table = document.add_table(rows=2, cols=2)
    for cell, text in zip((*table.row_cells(0), *table.row_cells(1)), "ABCD", strict=True):
        cell.text = text
    document.save(str(path))
    return path


def test_docx_keeps_its_structure(folder: Path) -> None:
    article = read_one(make_docx(folder / "a.docx"))
    assert article.title == "Refunds"
    assert article.text == (
        "# When\n\nWe pay in five days.\n\n- to the card\n\n| A | B |\n| --- | --- |\n| C | D |"
    )


def make_pdf(path: Path, encrypt: Any = None) -> Path:  # noqa: ANN401 - reportlab has no types
    style = getSampleStyleSheet()
    SimpleDocTemplate(str(path), encrypt=encrypt).build(
        [
            Paragraph("Refund rules", style["Title"]),
            Paragraph("When we pay", style["Heading2"]),
            Paragraph("We pay refunds within five working days. " * 5, style["BodyText"]),
            ListFlowable([Paragraph("to the card", style["BodyText"])], bulletType="bullet"),
            Table(
                [["Plan", "Fee"], ["Basic", "3%"]], style=[("GRID", (0, 0), (-1, -1), 1, "black")]
            ),
            Preformatted("pay --now", style["Code"]),
        ]
    )
    return path


def test_pdf_keeps_its_structure(folder: Path) -> None:
    article = read_one(make_pdf(folder / "a.pdf"))
    assert article.title == "Refund rules"
    for part in ("## When we pay", "within five working days", "- to the card", "| Basic | 3% |"):
        assert part in article.text
    assert "pay --now" in article.text


def test_a_pdf_with_a_password_says_so(folder: Path) -> None:
    path = make_pdf(folder / "a.pdf", pdfencrypt.StandardEncryption("secret"))
    assert read_reason(path) == "the PDF has a password; save it without one"


def damage(content: bytes) -> bytes:
    return content[:3000] + b"x" * 100 + content[3100:]


def test_damaged_files_are_named_and_never_raise(write: Write, folder: Path) -> None:
    pdf = make_pdf(folder / "good.pdf").read_bytes()
    word = make_docx(folder / "good.docx").read_bytes()
    other = io.BytesIO()
    with zipfile.ZipFile(other, "w") as archive:
        archive.writestr("word/document.xml", "<w:doc")
    reasons = {
        "cut.pdf": (pdf[:700], "the PDF is damaged"),
        "no.pdf": (b"hello", "it is not a PDF"),
        "cut.docx": (word[:700], "it is not a DOCX file"),
        "flipped.docx": (damage(word), "it is damaged"),
        "other.docx": (other.getvalue(), "it is damaged"),
        "deep.html": (b"<div>" * 5000, "it is damaged or too deeply nested"),
        "latin.md": ("Gebühr".encode("latin-1"), "it is not UTF-8 text; save it as UTF-8"),
        "yaml.md": (b"---\nx: [\n---\n", "its front matter is not YAML"),
        "list.md": (b"---\nid: [a]\n---\nx", 'its "id" is no plain text'),
        "empty.txt": (b" \n", "there is no text in it"),
        "empty.html": (b"<p></p>", "there is no text in it"),
        "odd.xyz": (b"x", "files of this kind are not read"),
    }
    for name, (content, reason) in reasons.items():
        assert read_reason(write(name, content)).startswith(reason), name


def test_a_missing_file_is_named(folder: Path) -> None:
    assert read_reason(folder / "no.md") == "there is no such file; look at its name"


def test_folders_are_read_in_order_without_hidden_and_other_files(
    write: Write, folder: Path
) -> None:
    for name in ("b.md", "a/z.txt", "a/.x.md", ".git/y.md", "picture.png", "B.MD"):
        write(name, "text")
    (folder / "dangling.md").symlink_to("nowhere")
    assert [item.id for item in read(folder) if isinstance(item, Article)] == ["B", "a/z", "b"]
    assert len(read(folder)) == 3


def test_the_second_of_two_articles_with_one_id_names_the_first(write: Write) -> None:
    first = write("a.md", "---\nid: fees\n---\none")
    second = write("b.md", "---\nid: fees\n---\ntwo")
    article, refused = read(first, second)
    assert isinstance(article, Article)
    assert isinstance(refused, Unreadable)
    assert refused.path == str(second)
    assert "'fees' is already taken by " + str(first) in refused.reason


def test_each_line_of_jsonl_is_an_article(write: Write) -> None:
    rows = [
        {"id": 7, "title": "T", "text": "x", "audience": "vip", "more": [1]},
        {"id": "b", "text": "# Head\n\ny"},
    ]
    path = write("a.jsonl", "\ufeff" + "\n\n".join(map(json.dumps, rows)) + "\n")
    assert read(path) == [Article("7", "T", "x", "vip"), Article("b", "Head", "y", PUBLIC)]


def test_a_bad_line_is_named_by_number_and_the_others_go_in(write: Write) -> None:
    bad = [
        b"{",
        b"\xff\xfe",
        b"[]",
        b'{"text": "x"}',
        b'{"id": "x", "text": " "}',
        b'{"id": "x", "text": 5}',
        b'{"id": true, "text": "x"}',
        b'{"id": "", "text": "x"}',
        b'{"id": "x", "text": "\\ud800"}',
        b'{"id": "x", "text": "x", "audience": ["staff"]}',
        b'{"id": "x", "text": "x", "audience": "two words"}',
        b"[" * 100_000,
    ]
    good = b'{"id": "good", "text": "x"}'
    path = write("a.jsonl", b"\n".join([*bad, good]))
    *refused, article = read(path)
    assert article == Article("good", "", "x")
    assert [item.path for item in refused if isinstance(item, Unreadable)] == [
        f"{path}:{number}" for number in range(1, len(bad) + 1)
    ]


def test_control_characters_are_taken_out(write: Write) -> None:
    assert read_one(write("a.txt", "a\x00b\x0cc\r\nd")).text == "a b\nc\nd"


def test_a_folder_that_cannot_be_entered_is_named(write: Write, folder: Path) -> None:
    write("open.md", "text")
    write("shut/a.md", "text")
    (folder / "shut").chmod(0)
    try:
        if list((folder / "shut").iterdir()):
            pytest.skip("this user may enter any folder")
    except PermissionError:
        items = read(folder)
        assert isinstance(items[1], Unreadable)
        assert items[1].path == str(folder / "shut")
    finally:
        (folder / "shut").chmod(0o700)
