from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

import pytest
from fastapi.testclient import TestClient

from agent.errors import ModelFailed
from agent.state import Outcome, Reason, Source, Suggestion
from api.app import create_app
from api.assembly import Services
from api.desk.dependencies import COOKIE
from api.storage.staff import Role
from knowledge_base.articles import STAFF, Article
from knowledge_base.ingest import lock_index
from tests.api.assistants import FakeAssistant
from tests.api.desk.history import History, answer
from tests.api.desk.knowledge_app import log_in

LIMITS = Article("staff/limits", "Limits", "Up to 50 euros.", STAFF)
PETS = Article("pets", "Pets & more", "Dogs are welcome in most homes.")


@pytest.fixture
def history(services: Services) -> History:
    told = History(services.engine, datetime.now(UTC) - timedelta(days=2))
    told.hire()
    return told


@pytest.fixture
def desk(services: Services) -> Iterator[TestClient]:
    with open_desk(services, "admin") as opened:
        yield opened


@contextmanager
def open_desk(services: Services, role: Role) -> Iterator[TestClient]:
    held = log_in(services, role)
    app = create_app(services.settings, services)
    with TestClient(app, follow_redirects=False, headers={"X-CSRF": held.csrf}) as opened:
        opened.cookies.set(COOKIE, held.token)
        yield opened


def cite(article: Article) -> Source:
    return Source(
        passage_id=f"{article.id}#0",
        article_id=article.id,
        title=article.title,
        heading_path=["Money"],
        text=article.text,
    )


def suggest(internal: Article, public: Article) -> Suggestion:
    """Return a suggestion from an article for staff and one for everybody."""
    sources = [cite(internal), cite(public)]
    reply = answer(sources)
    return Suggestion(
        outcome=Outcome.ANSWERED,
        text=reply.text,
        sentences=reply.sentences,
        sources=sources,
        internal=[sources[0].passage_id],
    )


def test_an_open_question_becomes_an_article_that_is_found(
    desk: TestClient, history: History, services: Services
) -> None:
    talk = history.start(user={"id": "7", "name": "Anna Lund"})
    handoff = history.hand_off(talk, "Is there a <baby> cot?", Reason.ABSTAINED_TWICE)
    history.write(handoff, "Hi Anna,\nevery home lends one. Mail host@larkstay.example!")
    page = desk.get("/desk/questions").text
    assert "Is there a &lt;baby&gt; cot?" in page
    assert "handed over for want of an answer" in page
    assert f"/desk/conversations/{talk}" in page
    editor = desk.get(f"/desk/articles/new?about={handoff.turn_id}").text
    assert "every home lends one. Mail [e-mail address]!" in editor
    assert "Anna" not in editor
    form = {"title": " Cots ", "text": "Every home lends one.\n", "audience": "public"}
    stored = desk.post("/desk/articles", data=form)
    assert stored.status_code == 303
    assert stored.headers["location"] == "/desk/article?id=desk%2Fcots&stored=1"
    assert services.knowledge.library.find("desk/cots") == Article(
        "desk/cots", "Cots", "Every home lends one."
    )
    assert "Stored." in desk.get(stored.headers["location"]).text


def test_an_article_is_stored_only_as_it_should_be(desk: TestClient, services: Services) -> None:
    services.knowledge.library.store(PETS)
    refused = desk.post("/desk/articles", data={"title": "", "text": "", "audience": "no one"})
    assert refused.status_code == 422
    for fault in ("Give it a title", "Write something", "Choose who may read it"):
        assert fault in refused.text
    form = {"title": "Cots", "text": "Call 030 1234567.", "audience": "public"}
    refused = desk.post("/desk/articles", data=form)
    assert refused.status_code == 422
    assert "Take out personal data: 030 1234567" in refused.text
    assert desk.post("/desk/articles", data={**form, "ours": "true"}).status_code == 303
    edit = {"id": "pets", "title": "Pets", "text": "No dogs.", "audience": "public"}
    assert "changed since you opened it" in desk.post("/desk/articles", data=edit).text
    edit["opened"] = PETS.content_hash
    with lock_index(services.settings.index_root):
        assert desk.post("/desk/articles", data=edit).status_code == 409
    assert desk.post("/desk/articles", data=edit).status_code == 303
    assert desk.get("/desk/articles/edit?id=pets").text.count("No dogs.") == 2
    for nul in ("article?id=%00", "articles/edit?id=%00", "conversations/%00/similar"):
        assert desk.get(f"/desk/{nul}").status_code == 422
    for missing in ("/desk/articles/edit?id=no", "/desk/article?id=no"):
        assert desk.get(missing).status_code == 404


def test_the_preview_does_no_harm(desk: TestClient) -> None:
    shown = desk.post("/desk/articles/preview", data={"text": "**Cots** <img src=x onerror=y>"})
    assert shown.text == "<p><strong>Cots</strong> &lt;img src=x onerror=y&gt;</p>\n"


def test_a_changed_article_shows_who_was_answered_from_the_old_one(
    desk: TestClient, history: History, services: Services
) -> None:
    library = services.knowledge.library
    library.store(PETS)
    talk = history.start()
    turn = history.ask(talk, "May my dog come?", answer([cite(PETS)]))
    history.ledger.rate(turn.id, True)
    listed = desk.get("/desk/articles").text
    assert "Pets &amp; more" in listed
    assert '<td class="number">1</td>' in listed
    assert "None: what was cited still stands in it." in desk.get("/desk/article?id=pets").text
    library.store(Article("pets", "Pets & more", "Dogs are welcome in few homes."))
    page = desk.get("/desk/article?id=pets").text
    assert "<del>most</del>" in page
    assert "<ins>few</ins>" in page
    assert f'href="/desk/conversations/{talk}"' in page
    assert "Version 1" in page
    services.repository.remove(["pets"])
    page = desk.get("/desk/article?id=pets").text
    assert "It was withdrawn" in page
    assert "/desk/articles/edit" not in page


def test_admins_upload_files_and_others_only_look(desk: TestClient, services: Services) -> None:
    files = [
        ("files", ("pets.md", b"---\naudience: staff\n---\n# Pets\n\nDogs are welcome.")),
        ("files", ("photo.png", b"\x89PNG")),
    ]
    page = desk.post("/desk/imports", files=files)
    assert page.status_code == 200
    assert "1 article added" in page.text
    assert "<strong>photo.png</strong>: files of this kind are not read" in page.text
    assert "generation 1" in page.text
    pets = services.knowledge.library.find("pets")
    assert pets is not None
    assert pets.audience == STAFF
    assert desk.post("/desk/imports", files=files[:1], data={"audience": "public"}).is_success
    assert services.repository.counts() == {"public": 1}
    with lock_index(services.settings.index_root):
        assert desk.post("/desk/imports", files=files).status_code == 409
    with open_desk(services, "agent") as agents_desk:
        assert agents_desk.post("/desk/imports", files=files).status_code == 403
        shown = agents_desk.get("/desk/imports").text
    assert "Admins can upload files here." in shown
    assert "<span>1 added</span>\n      <span>1 changed</span>" in shown


def test_the_numbers_come_as_a_page_and_as_json(desk: TestClient, history: History) -> None:
    history.open_site("north", "Larkstay North")
    history.ask(history.start("north"), "when?", answer(first_s=2.0))
    history.hand_off(history.start(), "no!", Reason.UPSET)
    page = desk.get("/desk/numbers?days=7&site=north").text
    assert "100 %" in page
    assert '<option value="north" selected>Larkstay North</option>' in page
    assert "No suggestion was made" in page
    numbers = desk.get("/desk/numbers.json?days=7").json()
    assert len(numbers["days"]) == len(numbers["conversations"]) == 7
    assert (sum(numbers["conversations"]), sum(numbers["resolved"])) == (2, 1)
    assert {reason: sum(by_day) for reason, by_day in numbers["handed_off"].items()} == {"upset": 1}
    assert max(filter(None, numbers["first_p50"])) == 2.0
    assert desk.get("/desk/numbers?days=8").status_code == 422
    assert "50 %" in desk.get("/desk/numbers?site=unknown").text


def test_the_articles_answer_staff_and_mark_what_is_internal(
    desk: TestClient, assistant: FakeAssistant
) -> None:
    assistant.suggestion = suggest(LIMITS, PETS)
    assert "Staff articles are asked too" in desk.get("/desk/ask").text
    page = desk.post("/desk/ask", data={"question": "How much goodwill?"}).text
    assert assistant.suggested == [("How much goodwill?", [])]
    assert page.count("Internal: do not paste it into a reply.") == 1
    assert "Up to 50 euros." in page
    assistant.error = ModelFailed("The model stopped; try again.")
    failed = desk.post("/desk/ask", data={"question": "How much?"})
    assert failed.status_code == 503
    assert "The model stopped; try again." in failed.text


def test_a_conversation_has_similar_ones_beside_it(desk: TestClient, history: History) -> None:
    handoff = history.hand_off(history.start(), "Is the pool heated?", Reason.ABSTAINED_TWICE)
    history.write(handoff, "From May on.")
    here = history.start()
    history.abstain(here, "Is the pool heated in April?")
    shown = desk.get(f"/desk/conversations/{here}/similar").text
    assert "From May on." in shown
    assert f"/desk/conversations/{handoff.conversation_id}" in shown
    nothing = desk.get("/desk/conversations/unknown/similar").text
    assert "No earlier conversation" in nothing


def test_nobody_sees_these_pages_without_logging_in(services: Services) -> None:
    app = create_app(services.settings, services)
    paths = ["questions", "articles", "article?id=a", "articles/new", "imports", "numbers"]
    paths += [
        "numbers.json",
        "ask",
        "conversations/a/similar",
        f"articles/edit?{urlencode({'id': 'a'})}",
    ]
    posts = ("articles", "articles/preview", "imports", "ask")
    with TestClient(app, follow_redirects=False) as stranger:
        answers = [stranger.get(f"/desk/{path}") for path in paths]
        answers += [stranger.post(f"/desk/{path}") for path in posts]
    assert {answer.status_code for answer in answers} == {303}
    assert all(answer.headers["location"].startswith("/desk/login") for answer in answers)


def test_a_form_from_elsewhere_is_refused(desk: TestClient) -> None:
    del desk.headers["X-CSRF"]
    files = [("files", ("pets.md", b"# Pets"))]
    assert desk.post("/desk/imports", files=files).status_code == 403
    form = {"title": "Cots", "text": "Every home.", "audience": "public", "csrf": "guessed"}
    assert desk.post("/desk/articles", data=form).status_code == 403
