import json
from pathlib import Path

import pytest

from tests.commands.conftest import Run


def write_article(path: Path, text: str, audience: str = "public") -> Path:
    path.write_text(f"---\ntitle: {path.stem}\naudience: {audience}\n---\n{text}\n")
    return path


def test_a_second_import_embeds_nothing(frontdesk: Run, demo: Path) -> None:
    done = frontdesk("kb", "import", "articles", "--json", data=demo)
    report = json.loads(done.stdout)
    assert done.returncode == 0
    assert report["passages_embedded"] == 0
    assert report["added"] == report["changed"] == report["removed"] == []
    assert len(report["unchanged"]) >= 45


def test_search_prints_passages_as_json_and_progress_nowhere(frontdesk: Run, demo: Path) -> None:
    done = frontdesk("kb", "search", "When are hosts paid?", "--limit", "3", "--json", data=demo)
    hits = json.loads(done.stdout)
    assert [hit["article_id"] for hit in hits].count("payouts") >= 1
    assert {"passage_id", "title", "heading_path", "text", "audience"} <= hits[0].keys()
    assert done.stderr == ""


def test_staff_articles_are_found_by_staff_only(frontdesk: Run, demo: Path) -> None:
    question = "What is the limit of goodwill credit?"
    public = frontdesk("kb", "search", question, "--json", data=demo)
    staff = frontdesk("kb", "search", question, "--audience", "staff", "--json", data=demo)
    assert {hit["audience"] for hit in json.loads(public.stdout)} == {"public"}
    assert json.loads(staff.stdout)[0]["article_id"] == "goodwill-credit-limits"


@pytest.mark.usefixtures("embedder")
def test_an_unreadable_file_is_named_and_the_others_go_in(frontdesk: Run, tmp_path: Path) -> None:
    folder = tmp_path / "articles"
    folder.mkdir()
    write_article(folder / "good.md", "Guests may park one car in front of the home.")
    (folder / "broken.pdf").write_bytes(b"not a pdf at all")
    done = frontdesk("kb", "import", folder, data=tmp_path / "data")
    assert done.returncode == 3
    assert "broken.pdf" in done.stderr
    assert "1 added" in done.stdout


@pytest.mark.usefixtures("embedder")
def test_changed_articles_replace_their_passages_and_prune_removes(
    frontdesk: Run, tmp_path: Path
) -> None:
    folder, data = tmp_path / "articles", tmp_path / "data"
    folder.mkdir()
    kept = write_article(folder / "parking.md", "Guests may park one car in front of the home.")
    gone = write_article(folder / "pool.md", "The pool opens at nine in the morning.")
    frontdesk("kb", "import", folder, data=data)
    write_article(kept, "Guests may park two cars behind the home.")
    gone.unlink()
    done = frontdesk("kb", "import", folder, "--prune", "--json", data=data)
    report = json.loads(done.stdout)
    assert (report["changed"], report["removed"]) == (["parking"], ["pool"])
    found = json.loads(frontdesk("kb", "search", "parking cars pool", "--json", data=data).stdout)
    assert [hit["text"] for hit in found] == ["Guests may park two cars behind the home."]


def test_a_path_that_is_not_there_is_wrong_usage(frontdesk: Run, tmp_path: Path) -> None:
    done = frontdesk("kb", "import", tmp_path / "nowhere", data=tmp_path)
    assert done.returncode == 2
    assert "nowhere" in done.stderr


def test_status_and_rebuild(frontdesk: Run, demo: Path) -> None:
    before = json.loads(frontdesk("kb", "status", "--json", data=demo).stdout)
    assert before["articles"]["staff"] == 6
    assert before["index"] == "ready"
    assert frontdesk("kb", "rebuild", data=demo).returncode == 0
    after = json.loads(frontdesk("kb", "status", "--json", data=demo).stdout)
    assert (after["passages"], after["index"]) == (before["passages"], "ready")
