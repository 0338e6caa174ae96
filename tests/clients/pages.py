"""Pages of a site that has the widget, under a strict policy and with styles of their own."""

from html import escape

from fastapi import FastAPI, Request, Response
from fastapi.responses import HTMLResponse

# What would show if any of it leaked into the widget.
STYLE = """
* { letter-spacing: 3px; }
button, input, textarea, p, dialog { background: rgb(255, 0, 0) !important; font-size: 40px; }
body { font: 18px/1.6 Georgia, serif; margin: 0 auto; max-width: 40em; padding: 2em 1em;
  color: #333; background: #faf7f0; }
html[data-dark] body { color: #ddd; background: #1d1f21; }
"""
PAGE = """<!doctype html>
<html lang="{lang}"><head><meta charset="utf-8"><title>Larkstay</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="stylesheet" href="/site.css"><script src="/early.js"></script>
<script src="{host}/widget.js" {attributes} async></script></head>
<body><main><h1>Larkstay</h1><p>Homes for a few days by the sea.</p>
<p><a href="/other?{query}">Another page</a></p></main></body></html>"""
# Calls that come before the widget does, in the form that docs/widget.md gives.
EARLY = """
window.heard = [];
window.Frontdesk = window.Frontdesk || { q: [] };
for (const name of ["open", "close", "toggle", "setUser", "reset", "setLocale", "on"])
  Frontdesk[name] ??= (...rest) => Frontdesk.q.push([name, ...rest]);
for (const event of ["ready", "open", "close", "asked", "replied", "handed_off", "taken", "message",
    "returned", "unread", "renewed", "reset", "user_refused", "rated", "emailed", "failed"])
  Frontdesk.on(event, (detail) => heard.push([event, detail]));
if (location.search.includes("early=open")) Frontdesk.open();
"""


def add_site(app: FastAPI) -> None:
    @app.get("/")
    @app.get("/other")
    async def show_page(request: Request) -> Response:
        host = f"http://127.0.0.1:{request.url.port}"
        query = dict(request.query_params)
        given = {name: value for name, value in query.items() if name.startswith("data-")}
        attributes = " ".join(f'{name}="{escape(value)}"' for name, value in given.items())
        page = PAGE.format(
            host=host, attributes=attributes, lang=query.get("lang", "en"), query=request.url.query
        )
        policy = (
            f"default-src 'none'; script-src 'self' {host}; style-src 'self'; connect-src {host}; "
            "base-uri 'none'; form-action 'none'; frame-src 'none'; img-src 'none'; "
            "require-trusted-types-for 'script'; trusted-types 'none'"
        )
        return HTMLResponse(page, headers={"Content-Security-Policy": policy})

    @app.get("/early.js")
    async def send_early() -> Response:
        return Response(EARLY, media_type="text/javascript")

    @app.get("/site.css")
    async def send_style() -> Response:
        return Response(STYLE, media_type="text/css")

    @app.get("/favicon.ico")
    async def send_icon() -> Response:
        return Response(status_code=204)
