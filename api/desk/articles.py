"""The pages of articles: how they fare, what they were, and the editor."""

from typing import Annotated
from urllib.parse import urlencode

import structlog
from anyio import to_thread
from fastapi import APIRouter, Depends, Form, HTTPException, Query, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from api.desk.changes import find_changes
from api.desk.drafts import Draft, make_id, write_draft
from api.desk.editing import Edited, find_faults, read_edited
from api.desk.knowledge import Knowledge, OpenKnowledge
from api.desk.markdown import render_markdown
from api.desk.shell import CurrentStaff, render
from api.desk.spans import ChosenSpan
from api.schemas import Plain
from knowledge_base.articles import PUBLIC, STAFF, Article
from knowledge_base.errors import ImportRunning

LONGEST_ID = 500
ArticleId = Annotated[Plain, Query(alias="id", max_length=LONGEST_ID)]

router = APIRouter(include_in_schema=False)
log = structlog.get_logger(__name__)


@router.get("/desk/articles")
async def list_articles(
    request: Request, staff: CurrentStaff, knowledge: OpenKnowledge, span: ChosenSpan
) -> Response:
    """Show the articles and how they fared, the most cited first."""
    used = await to_thread.run_sync(knowledge.use.list_used, span.since(knowledge.now))
    return render(request, staff, "articles.html", used=used, span=span, public=PUBLIC)


@router.get("/desk/article")
async def show_article(
    request: Request,
    staff: CurrentStaff,
    knowledge: OpenKnowledge,
    article_id: ArticleId,
    stored: str = "",
) -> Response:
    """Show an article, its versions, and the conversations that were answered from older ones."""
    use = knowledge.use
    versions = await to_thread.run_sync(use.list_versions, article_id)
    if not versions:
        raise HTTPException(404)
    current = await to_thread.run_sync(knowledge.library.find, article_id)
    passages = await to_thread.run_sync(use.list_passages, article_id)
    changed = versions[0].withdrawn_at or versions[0].stored_at
    citing = await to_thread.run_sync(use.list_citing, article_id, changed)
    changes = await to_thread.run_sync(find_changes, citing, versions, passages)
    return render(
        request,
        staff,
        "article.html",
        article=versions[0],
        current=current,
        shown=render_markdown(versions[0].text),
        versions=versions,
        changes=changes,
        stored=stored,
        public=PUBLIC,
    )


@router.get("/desk/articles/new")
async def begin_article(
    request: Request,
    staff: CurrentStaff,
    knowledge: OpenKnowledge,
    span: ChosenSpan,
    about: Annotated[str, Query(max_length=64)] = "",
) -> Response:
    """Open the editor with a draft out of what staff wrote about a group of questions."""
    group = await knowledge.groups.find(about, span.since(knowledge.now)) if about else None
    if group is None:
        return _show_editor(request, staff, Edited(Draft("", "", "")))
    turn_ids = [question.turn_id for question in group.questions]
    words = await to_thread.run_sync(knowledge.questions.list_words, turn_ids)
    draft = write_draft(group.representative.question, words)
    return _show_editor(request, staff, Edited(draft), group=group, words=words)


@router.get("/desk/articles/edit")
async def edit_article(
    request: Request, staff: CurrentStaff, knowledge: OpenKnowledge, article_id: ArticleId
) -> Response:
    """Open the editor with an article as it is now."""
    found = await to_thread.run_sync(knowledge.library.find, article_id)
    if found is None:
        raise HTTPException(404)
    draft = Draft(found.id, found.title, found.text, found.audience)
    return _show_editor(request, staff, Edited(draft, opened=found.content_hash))


@router.post("/desk/articles/preview")
async def preview(_staff: CurrentStaff, text: Annotated[str, Form()] = "") -> HTMLResponse:
    """Show what Markdown looks like."""
    return HTMLResponse(await to_thread.run_sync(render_markdown, text))


@router.post("/desk/articles")
async def store_article(
    request: Request,
    staff: CurrentStaff,
    knowledge: OpenKnowledge,
    edited: Annotated[Edited, Depends(read_edited)],
) -> Response:
    """Store the article, so that it is found at once; or show the editor with what is wrong."""
    faults = await to_thread.run_sync(find_faults, edited, knowledge.library)
    if faults:
        return _show_editor(request, staff, edited, status=422, faults=faults)
    try:
        stored = await to_thread.run_sync(_store, knowledge, edited.draft)
    except ImportRunning as error:
        return _show_editor(request, staff, edited, status=409, faults=[str(error)])
    log.info("article_stored", article=stored.id, audience=stored.audience, staff=staff.member.id)
    address = urlencode({"id": stored.id, "stored": "1"})
    return RedirectResponse(f"/desk/article?{address}", 303)


def _store(knowledge: Knowledge, draft: Draft) -> Article:
    article_id = draft.id or make_id(draft.title, knowledge.library.list_ids())
    article = Article(article_id, draft.title, draft.text, draft.audience)
    knowledge.library.store(article)
    return article


def _show_editor(
    request: Request, staff: CurrentStaff, edited: Edited, *, status: int = 200, **values: object
) -> Response:
    audiences = list(dict.fromkeys([PUBLIC, STAFF, edited.draft.audience]))
    shown = {"group": None, "words": [], "faults": [], **values}
    return render(
        request,
        staff,
        "editor.html",
        status=status,
        edited=edited,
        draft=edited.draft,
        audiences=audiences,
        preview=render_markdown(edited.draft.text),
        **shown,
    )
