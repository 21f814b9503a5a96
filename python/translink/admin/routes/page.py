"""`/` and `/static/…`: the dashboard's own files, and no others."""

from __future__ import annotations

import importlib.resources

from aiohttp import web

from translink.admin.http.route import Route

_TYPES = {"html": "text/html", "js": "text/javascript", "css": "text/css", "svg": "image/svg+xml"}


def page_routes() -> list[Route]:
    """The table. Open to anybody: there is no data in them."""
    return [
        Route("GET", "/", "open", _page),
        Route("GET", "/static/{name}", "open", _static),
    ]


async def _page(_: web.Request) -> web.Response:
    return file_answer("index.html")


async def _static(request: web.Request) -> web.Response:
    return file_answer(request.match_info["name"])


def file_answer(name: str) -> web.Response:
    """One of them. Raises 404."""
    folder = importlib.resources.files("translink.admin") / "static"
    if name not in {item.name for item in folder.iterdir()}:
        raise web.HTTPNotFound(reason="there is no such file")
    content_type = _TYPES.get(name.rpartition(".")[2], "application/octet-stream")
    body = (folder / name).read_bytes()
    return web.Response(body=body, content_type=content_type, charset="utf-8")
