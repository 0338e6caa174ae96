"""The page of imports: when articles came in, and files that an admin uploads."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any

import structlog
from anyio import to_thread
from fastapi import APIRouter, File, Form, Request, Response, UploadFile

from api.desk.knowledge import Knowledge, OpenKnowledge
from api.desk.library import Upload
from api.desk.shell import CurrentAdmin, CurrentStaff, render
from api.storage.article_use import Storing
from knowledge_base.articles import PUBLIC, STAFF
from knowledge_base.errors import ImportRunning
from knowledge_base.formats import READERS
from knowledge_base.readers import LINES

# An import stores its articles one after another; a longer pause means another import.
PAUSE = timedelta(minutes=1)
MOST_SHOWN = 50
KINDS = ",".join([*READERS, LINES])

router = APIRouter(include_in_schema=False)
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Import:
    """Articles that came in together, newest first."""

    articles: tuple[Storing, ...]

    @property
    def ended_at(self) -> datetime:
        """When the last of them was stored."""
        return self.articles[0].stored_at

    @property
    def added(self) -> list[Storing]:
        """Those that there was none of before."""
        return [article for article in self.articles if article.version == 1]

    @property
    def changed(self) -> list[Storing]:
        """Those that were there before, and said something else."""
        return [article for article in self.articles if article.version > 1]


def gather_imports(stored: Iterable[Storing]) -> list[Import]:
    """Return what came in together; `stored` comes newest first, and so do they."""
    runs: list[list[Storing]] = []
    for item in stored:
        if runs and runs[-1][-1].stored_at - item.stored_at <= PAUSE:
            runs[-1].append(item)
        else:
            runs.append([item])
    return [Import(tuple(run)) for run in runs]


@router.get("/desk/imports")
async def show_imports(request: Request, staff: CurrentStaff, knowledge: OpenKnowledge) -> Response:
    """Show when articles came in."""
    return await _show(request, staff, knowledge)


@router.post("/desk/imports")
async def take_files(
    request: Request,
    staff: CurrentAdmin,
    knowledge: OpenKnowledge,
    files: Annotated[list[UploadFile], File()],
    audience: Annotated[str, Form()] = "",
) -> Response:
    """Take the files in, and say of each that could not be read why."""
    uploads = [Upload(file.filename or "", await file.read()) for file in files if file.filename]
    chosen = audience if audience in {PUBLIC, STAFF} else None
    try:
        report = await to_thread.run_sync(knowledge.library.take_files, uploads, chosen)
    except ImportRunning as error:
        return await _show(request, staff, knowledge, status=409, problem=str(error))
    log.info("files_imported", added=len(report.added), changed=len(report.changed))
    return await _show(request, staff, knowledge, report=report)


async def _show(
    request: Request,
    staff: CurrentStaff,
    knowledge: Knowledge,
    *,
    status: int = 200,
    **values: Any,  # noqa: ANN401 - as `render` has it
) -> Response:
    stored: Sequence[Storing] = await to_thread.run_sync(knowledge.use.list_stored)
    shown = {"report": None, "problem": "", **values}
    return render(
        request,
        staff,
        "imports.html",
        status=status,
        imports=gather_imports(stored)[:MOST_SHOWN],
        generation=await to_thread.run_sync(knowledge.library.read_generation),
        kinds=KINDS,
        **shown,
    )
