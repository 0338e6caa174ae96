"""The chat widget's files, for any page of any site."""

import gzip
import hashlib
from dataclasses import dataclass
from pathlib import Path

from fastapi import APIRouter, FastAPI, HTTPException, Request, Response

DIST = Path(__file__).parents[2] / "clients" / "widget" / "dist"
LOADER = "widget.js"
# The loader's address stays the same for ever, so pages ask again soon; what it fetches carries
# its version in the query.
SOON = "public, max-age=300, stale-while-revalidate=86400"
FOR_EVER = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class Script:
    """A script as it stands in the folder, and compressed."""

    plain: bytes
    compressed: bytes
    digest: str


def add_widget(app: FastAPI, folder: Path = DIST) -> None:
    """Serve the scripts that are in the folder now."""
    scripts = {path.name: _read_script(path) for path in sorted(folder.glob("*.js"))}
    router = APIRouter(include_in_schema=False)

    @router.api_route("/widget.js", methods=["GET", "HEAD"])
    async def send_loader(request: Request) -> Response:
        return _send(scripts, LOADER, request, SOON)

    @router.api_route("/widget/{name}", methods=["GET", "HEAD"])
    async def send_script(name: str, request: Request) -> Response:
        return _send(scripts, name, request, FOR_EVER if "v" in request.query_params else SOON)

    app.include_router(router)


def _read_script(path: Path) -> Script:
    plain = path.read_bytes()
    return Script(plain, gzip.compress(plain, mtime=0), hashlib.sha256(plain).hexdigest()[:20])


def _send(scripts: dict[str, Script], name: str, request: Request, caching: str) -> Response:
    if name not in scripts:
        raise HTTPException(404)
    script = scripts[name]
    zipped = "gzip" in request.headers.get("accept-encoding", "")
    tag = f'"{script.digest}{"-gzip" if zipped else ""}"'
    headers = {
        "Access-Control-Allow-Origin": "*",
        "Cross-Origin-Resource-Policy": "cross-origin",
        "Cache-Control": caching,
        "ETag": tag,
        "Vary": "Accept-Encoding",
    }
    if tag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    if zipped:
        headers["Content-Encoding"] = "gzip"
    content = script.compressed if zipped else script.plain
    return Response(content, headers=headers, media_type="text/javascript")
