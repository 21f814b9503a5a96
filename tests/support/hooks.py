"""A receiver of webhooks, which checks them with somebody else's library."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import standardwebhooks
from aiohttp import web

from tests.fakes.web import served

HOOK_SECRET = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="


class HookReceiver:
    """Somebody's server, which believes nothing that the library does not."""

    def __init__(self) -> None:
        self.url = ""
        self.answers: list[web.Response] = []
        """The next ones; then 204."""
        self.taken: list[dict[str, Any]] = []
        self.ids: list[str] = []
        self.elsewhere = 0
        self.may_answer = asyncio.Event()
        self.may_answer.set()

    async def take(self, request: web.Request) -> web.Response:
        body = await request.read()
        await self.may_answer.wait()
        self.ids.append(request.headers["webhook-id"])
        if self.answers:
            return self.answers.pop(0)
        verified = standardwebhooks.Webhook(HOOK_SECRET).verify(body, dict(request.headers))
        self.taken.append(verified)
        return web.Response(status=204)

    async def other(self, _: web.Request) -> web.Response:
        self.elsewhere += 1
        return web.Response()


@contextlib.asynccontextmanager
async def receiving() -> AsyncIterator[HookReceiver]:
    """It listens at its `url`."""
    made = HookReceiver()
    app = web.Application()
    app.router.add_post("/hook", made.take)
    app.router.add_route("*", "/elsewhere", made.other)
    async with served(app) as url:
        made.url = f"{url}/hook"
        yield made
        made.may_answer.set()
