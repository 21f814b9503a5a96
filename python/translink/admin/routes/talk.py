"""`/talk`: a call from two browsers. The page, its links, and the WebSocket that it talks over.

A talk is made with the role `control`; its two links are for anybody who has them. A link's token stands behind
the `#`, which no browser sends, and is shown as a subprotocol, `talk.TOKEN`. The audio is the media
thread's (`http.handover`); what goes over the WebSocket is in docs/telephony.md. Those who are refused learn
why from the code and reason that the WebSocket is closed with: a page sees no status.
"""

from __future__ import annotations

from typing import Protocol

import structlog
from aiohttp import web

from translink.admin.access.headers import HEADERS
from translink.admin.http.handover import hand_over
from translink.admin.http.responses import answer, nothing_more
from translink.admin.http.route import Handler, Route
from translink.admin.routes.page import file_answer
from translink.calls.exchange import Refused
from translink.settings.websocket import TALK_PROTOCOL

log = structlog.get_logger("translink.admin")

TOKEN_PREFIX = "talk."
REFUSED_CODE, BUSY_CODE = 4404, 4503
"""Of a WebSocket that is closed at once: no such link; try again."""
PERMISSIONS = HEADERS["Permissions-Policy"].replace("microphone=()", "microphone=(self)")
AUDIO_PATH = "/api/talks/audio"


class Joined(Protocol):
    """A place in a talk."""

    def begin(self, descriptor: int) -> None:
        """The connection to it. Raises `OSError`, `LookupError`, `RuntimeError`."""

    def end(self, reason: str) -> None:
        """It is over. Idempotent."""


class Talks(Protocol):
    """See `translink.pbx.talk`."""

    @property
    def languages(self) -> tuple[str, ...]:
        """Those that can be chosen."""

    def create(self) -> tuple[str, str]:
        """Tokens for both sides of a new talk. Raises `Refused`."""

    def join(self, token: str, language: str) -> Joined:
        """A place for those who have a token. Raises `Refused`."""


class TalkRoutes:
    """The table, and its handlers."""

    def __init__(self, talks: Talks | None) -> None:
        """None: this server has no calls."""
        self._talks = talks

    def routes(self) -> list[Route]:
        """See `talk_table`."""
        return talk_table(self._languages, self._join, self._create)

    async def _languages(self, _: web.Request) -> web.Response:
        return answer({"languages": self._talks.languages if self._talks else ()})

    async def _create(self, request: web.Request) -> web.Response:
        await nothing_more(request)
        try:
            if self._talks is None:
                raise Refused("this server has no calls", busy=True)
            tokens = self._talks.create()
        except Refused as refusal:
            raise web.HTTPServiceUnavailable(
                reason=str(refusal), headers={"Retry-After": "5"}
            ) from None
        return answer({"links": [f"/talk#{token}" for token in tokens]}, 201)

    async def _join(self, request: web.Request) -> web.StreamResponse:
        response = websocket_for(request)
        try:
            if self._talks is None:
                raise Refused("this server has no calls", busy=False)
            joined = self._talks.join(shown_token(request), request.query.get("language", ""))
        except Refused as refusal:
            return await turned_away(request, response, str(refusal), busy=refusal.busy)
        try:
            await hand_over(request, response, joined.begin)
        except BaseException:
            joined.end("no connection")
            raise
        return response


def talk_table(languages: Handler, join: Handler, create: Handler) -> list[Route]:
    """Open to anybody: the page, which languages there are, and a WebSocket for those who have a link."""
    return [
        Route("GET", "/talk", "open", _page),
        Route("GET", "/api/talks/languages", "open", languages),
        Route("GET", AUDIO_PATH, "open", join),
        Route("POST", "/api/talks", "control", create),
    ]


async def _page(_: web.Request) -> web.Response:
    """The page; it may ask for the microphone."""
    response = file_answer("talk.html")
    response.headers["Permissions-Policy"] = PERMISSIONS
    return response


def shown_token(request: web.Request) -> str:
    """A link's, as the page shows it; empty: none."""
    offered = request.headers.get("Sec-WebSocket-Protocol", "")
    names = [name.strip() for name in offered.split(",")]
    return next((n.removeprefix(TOKEN_PREFIX) for n in names if n.startswith(TOKEN_PREFIX)), "")


def websocket_for(request: web.Request) -> web.WebSocketResponse:
    """The answer to a page that wants to talk. Raises 400 for what asks for no WebSocket."""
    response = web.WebSocketResponse(
        protocols=(TALK_PROTOCOL,), compress=False, max_msg_size=1_024, timeout=1.0
    )
    if not response.can_prepare(request):
        raise web.HTTPBadRequest(reason="this is for a WebSocket")
    return response


async def turned_away(
    request: web.Request, response: web.WebSocketResponse, reason: str, *, busy: bool
) -> web.WebSocketResponse:
    """Open it and close it at once. `busy`: they should try again."""
    await response.prepare(request)
    code = BUSY_CODE if busy else REFUSED_CODE
    await response.close(code=code, message=reason.encode()[:120])
    return response
