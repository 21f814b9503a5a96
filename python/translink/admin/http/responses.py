"""What all routes share: JSON out, JSON in, refusals with their reason."""

from __future__ import annotations

import orjson
from aiohttp import web


def answer(value: object, status: int = 200) -> web.Response:
    """A JSON answer; dataclasses become objects."""
    return web.Response(body=json(value), status=status, content_type="application/json")


def json(value: object) -> bytes:
    """As all answers are written; dataclasses become objects."""
    return orjson.dumps(value, default=str, option=orjson.OPT_NON_STR_KEYS)


def must_be_json(request: web.Request) -> None:
    """A form on another site cannot send this type, so it cannot act for a browser's user."""
    if request.content_type != "application/json":
        raise web.HTTPUnsupportedMediaType(reason="Content-Type should be application/json")


async def nothing_more(request: web.Request) -> None:
    """For orders that say it all by their path: no body, or any object. Raises the refusal."""
    must_be_json(request)
    if not (body := await request.read()):
        return
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise web.HTTPBadRequest(reason="the body should be JSON") from None
    if not isinstance(value, dict):
        raise web.HTTPBadRequest(reason="the body should be a JSON object")
