"""`/` and `/static/…`: the dashboard's own files, and no others."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path

from aiohttp import web

from translink.admin.http.route import Route

_FOLDER = Path(__file__).parents[1] / "static"
"""Not by `importlib.resources`, which loads what reads archives first: 6 ms."""
_TYPES = {"html": "text/html", "js": "text/javascript", "css": "text/css", "svg": "image/svg+xml"}


def page_routes() -> list[Route]:
    """The table. Open to anybody: there is no data in them. The files are read now: no request
    waits for a disk."""
    _files()
    return [
        Route("GET", "/", "open", _page),
        Route("GET", "/static/{name}", "open", _static),
    ]


def file_answer(name: str) -> web.Response:
    """One of the files. Raises 404."""
    body = _files().get(name)
    if body is None:
        raise web.HTTPNotFound(reason="there is no such file")
    content_type = _TYPES.get(name.rpartition(".")[2], "application/octet-stream")
    return web.Response(body=body, content_type=content_type, charset="utf-8")


@functools.cache
def _files() -> Mapping[str, bytes]:
    return {item.name: item.read_bytes() for item in _FOLDER.iterdir() if item.is_file()}


async def _page(_: web.Request) -> web.Response:
    return file_answer("index.html")


async def _static(request: web.Request) -> web.Response:
    return file_answer(request.match_info["name"])
