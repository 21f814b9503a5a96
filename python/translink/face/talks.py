"""`/talk` before several nodes: a talk is one node's, and its links say whose.

A talk is made by the freest node; the name of that node stands before the token in both links, so nothing is
kept here. The page's WebSocket is opened here and there, and from then on its bytes are passed on as they
are, by two plain callbacks, no task per message: what one end does not take is not read from the other.
"""

from __future__ import annotations

import asyncio
import itertools
import re
from typing import Final

import orjson
from aiohttp import web
from yarl import URL

from translink.admin.http.handover import pass_on
from translink.admin.http.responses import answer, nothing_more
from translink.admin.http.route import Route
from translink.admin.routes.talk import (
    AUDIO_PATH,
    TOKEN_PREFIX,
    shown_token,
    talk_table,
    turned_away,
    websocket_for,
)
from translink.errors import TranslinkError
from translink.face import sums
from translink.face.bare import opened
from translink.face.peers import CREATION_TIME, NODE_ANSWER_TIME, NodeReply, Peers
from translink.face.placing import ANOTHER, Placing
from translink.settings.websocket import TALK_PROTOCOL

MOST_TALKERS: Final = 128
"""At once. The admin server has 256 connections: as many again are left for those who look after it."""
TOKEN: Final = re.compile(r"[\w-]{1,64}", re.ASCII)
NO_SUCH_LINK: Final = "there is no such link, or not any more"


class _TurnedAway(TranslinkError):
    """A page that cannot talk. `busy`: not now."""

    def __init__(self, reason: str, *, busy: bool) -> None:
        super().__init__(reason)
        self.busy = busy


class NodeTalks:
    """The table, and its handlers."""

    def __init__(self, peers: Peers, placing: Placing) -> None:
        self._peers = peers
        self._placing = placing
        self._made: dict[str, int] = {}
        """The number of the last talk that each node was asked for: of equally free ones it is the other's turn."""
        self._numbers = itertools.count(1)
        self._talkers = 0

    def routes(self) -> list[Route]:
        """As those of a node."""
        return talk_table(self._languages, self._join, self._create)

    async def _languages(self, _: web.Request) -> web.Response:
        answers = await self._peers.values("/api/talks/languages")
        there = [value for value in answers.values() if value is not None]
        return answer({"languages": (), **sums.combined(there)})

    async def _create(self, request: web.Request) -> web.Response:
        await nothing_more(request)
        refusal: NodeReply | None = None
        for peer in self._placing.in_turn(after=self._made):
            self._made[peer.name] = next(self._numbers)  # before it answers: others ask meanwhile
            reply = await self._peers.ask(peer, "POST", "/api/talks", b"{}", CREATION_TIME)
            if reply is None:
                continue
            if reply.status == 201:
                links = [link.partition("#") for link in orjson.loads(reply.body)["links"]]
                named = [f"{page}#{peer.name}.{token}" for page, _, token in links]
                return answer({"links": named}, 201)
            if reply.status not in ANOTHER:
                return reply.response()
            refusal = reply
        if refusal is not None:
            return refusal.response()
        raise web.HTTPServiceUnavailable(
            reason="no node takes a call now", headers={"Retry-After": "5"}
        )

    async def _join(self, request: web.Request) -> web.StreamResponse:
        response = websocket_for(request)
        self._talkers += 1
        try:
            language = request.query.get("language", "")
            wire, first = await self._wire(*shown_token(request).partition(".")[::2], language)
            await pass_on(request, response, wire, first)
        except _TurnedAway as refusal:
            await turned_away(request, response, str(refusal), busy=refusal.busy)
        finally:
            self._talkers -= 1
        return response

    async def _wire(self, node: str, token: str, language: str) -> tuple[asyncio.Transport, bytes]:
        """The connection to the talk's node. Raises `_TurnedAway`; what the node has against it, it says there."""
        peer = self._peers.known().get(node)
        if peer is None or not TOKEN.fullmatch(token):
            raise _TurnedAway(NO_SUCH_LINK, busy=False)
        if self._talkers > MOST_TALKERS:
            raise _TurnedAway(f"{MOST_TALKERS} talk here already", busy=True)
        protocols = f"{TALK_PROTOCOL}, {TOKEN_PREFIX}{token}"
        try:
            if not peer.url:
                raise ConnectionError(node)
            url = URL(peer.url).with_path(AUDIO_PATH).with_query(language=language)
            async with asyncio.timeout(NODE_ANSWER_TIME):
                return await opened(url, protocols, peer.token)
        except (OSError, TimeoutError):
            raise _TurnedAway("the process that has this talk does not answer", busy=True) from None
