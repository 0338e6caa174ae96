"""The page to try the agent on."""

from pathlib import Path

from fastapi import APIRouter, FastAPI
from fastapi.responses import FileResponse
from fastapi.staticfiles import StaticFiles

PAGES = Path(__file__).parents[1] / "pages"

router = APIRouter(include_in_schema=False)


@router.get("/")
async def show_page() -> FileResponse:
    """Send the page."""
    return FileResponse(PAGES / "index.html")


def add_pages(app: FastAPI) -> None:
    """Serve the page and what it loads."""
    app.include_router(router)
    app.mount("/pages", StaticFiles(directory=PAGES), name="pages")
