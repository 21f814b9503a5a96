"""`/` and `/static/…`: the dashboard's own files, and no others."""

from __future__ import annotations

import importlib.resources

from aiohttp import web

from translink.admin.http.route import Route

_TYPES = {"html": "text/html", "js": "text/javascript", "css": "text/css", "svg": "image/svg+xml"}


def page_routes() -> list[Route]:
    """The table. Open to anybody: there is no data in them. The files are read now: no request
    waits for a disk."""
    folder = importlib.resources.files("translink.admin") / "static"
    files = {item.name: item.read_bytes() for item in folder.iterdir() if item.is_file()}

    def file(name: str) -> web.Response:
        if name not in files:
            raise web.HTTPNotFound(reason="there is no such file")
        content_type = _TYPES.get(name.rpartition(".")[2], "application/octet-stream")
        return web.Response(body=files[name], content_type=content_type, charset="utf-8")

    async def page(_: web.Request) -> web.Response:
        return file("index.html")

    async def static(request: web.Request) -> web.Response:
        return file(request.match_info["name"])

    return [
        Route("GET", "/", "open", page),
        Route("GET", "/static/{name}", "open", static),
    ]
