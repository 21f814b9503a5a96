"""`/openapi.json`, made by a process of its own: `OpenapiDocument` here, `python -m` of this file there.

It is some 150 ms of work, once, and code that most servers never load. A thread held the interpreter for 17 and
11 ms at a time in it (C code of pydantic and `ast`), and the calls' loop waited.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import Callable, Iterable
from typing import Final

import orjson
from aiohttp import web

from translink.admin.http.route import Route
from translink.settings.secrets import without_secrets

# Not what lies in the folder where the server was started.
_MADE_BY: Final = (sys.executable, "-P", "-m", "translink.admin.routes.openapi_process")
MAKING_SECONDS = 30.0


class OpenapiDocument:
    """Made when it is first asked for, once for all who ask meanwhile; anew if that failed."""

    def __init__(self, table: Callable[[], Iterable[Route]]) -> None:
        """`table()`: all routes."""
        self._table = table
        self._making: asyncio.Future[bytes] | None = None

    async def get(self) -> bytes:
        """JSON. Raises `HTTPServiceUnavailable` where it cannot be made now."""
        made = self._making
        if made is None or (made.done() and (made.cancelled() or made.exception())):
            made = self._making = asyncio.ensure_future(_made(self._table()))
        return await asyncio.shield(made)


async def _made(routes: Iterable[Route]) -> bytes:
    asked = orjson.dumps([(route.method, route.path, route.role) for route in routes])
    pipe = asyncio.subprocess.PIPE
    try:
        child = await asyncio.create_subprocess_exec(
            *_MADE_BY, stdin=pipe, stdout=pipe, env=without_secrets(os.environ)
        )
    except OSError as error:
        raise web.HTTPServiceUnavailable(reason=f"no process for it: {error.strerror}") from None
    try:
        async with asyncio.timeout(MAKING_SECONDS):
            body, _ = await child.communicate(asked)
    except TimeoutError:
        raise web.HTTPServiceUnavailable(reason="it takes too long to make now") from None
    finally:
        if child.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                child.kill()
    if child.returncode:
        raise web.HTTPServiceUnavailable(reason="the process that makes it failed")
    return body


async def _never(_: web.Request) -> web.Response:
    raise NotImplementedError


def main() -> None:
    """The document of the routes on standard input, on standard output."""
    from translink.admin.routes.openapi import document

    asked = orjson.loads(sys.stdin.buffer.read())
    routes = [Route(method, path, role, _never) for method, path, role in asked]
    sys.stdout.buffer.write(orjson.dumps(document(routes)))


if __name__ == "__main__":
    main()
