"""`POST /api/calls` with several nodes: which one gets the call.

The freest is asked first; a node that refuses is passed over for the next one. A slot is claimed beforehand, so
that two faces, or two creators at one, do not both send their call to the last place there is.
"""

from __future__ import annotations

import contextlib
import itertools
import os
from collections.abc import Mapping
from typing import Any, Final

import orjson
import structlog
from aiohttp import web

from translink.admin.http.responses import answer
from translink.admin.routes.requests import CallRequest, parsed
from translink.face.peers import CREATION_TIME, AdminPeer, NodeReply, NodeSilent, Peers
from translink.placement.protocol import CLAIMED, Placement, PlacementError, Slot, best

log = structlog.get_logger("translink.face")

ANOTHER = (404, 409, 429, 503)
"""Answers of a node that another one may not give: it has no port left, or no time, or no AudioSocket."""
_NOBODY: Final[Mapping[str, int]] = {}


class Placing:
    """Makes calls on nodes."""

    def __init__(self, peers: Peers, placement: Placement, home: str | None = None) -> None:
        """`home`: the node that takes a call while placement cannot be reached; None: any."""
        self._peers = peers
        self._placement = placement
        self._home = home
        self._naming: set[str] = set()
        """Names of legs that are being made: no two creators get one of them."""
        self._numbers = itertools.count(1)

    async def create(self, body: bytes) -> web.Response:
        """A call, on the node that serves it (`node`). Raises the refusal that its creator gets."""
        wishes = parsed(body, CallRequest).wishes()
        names = {wish.name for wish in wishes if wish.name is not None}
        for name in names & self._naming:
            raise _taken(name)
        self._naming |= names
        try:
            for name in names:
                # A silent node takes no call, and has its calls' legs for a little while at most.
                with contextlib.suppress(KeyError, NodeSilent):
                    await self._peers.owner_of(name, "GET", f"/api/legs/{name}")
                    raise _taken(name)
            return await self._placed(body)
        finally:
            self._naming -= names

    async def _placed(self, body: bytes) -> web.Response:
        refusal: NodeReply | None = None
        for peer in self.in_turn():
            try:
                slot = await self._claimed(peer)
            except LookupError:
                continue
            reply = await self._peers.ask(peer, "POST", "/api/calls", body, CREATION_TIME)
            if reply is not None and reply.status == 201:
                return await self._made(peer, reply, slot)
            await self._released(slot)
            if reply is None:
                # It may have made it, or may yet: the call ends by itself when nobody comes.
                log.error("a node did not answer to the making of a call", node=peer.name)
            elif reply.status not in ANOTHER:
                return reply.response()
            else:
                refusal = reply
        if refusal is not None:
            return refusal.response()
        raise web.HTTPServiceUnavailable(
            reason="no node takes a call now", headers={"Retry-After": "5"}
        )

    def in_turn(self, after: Mapping[str, int] = _NOBODY) -> list[AdminPeer]:
        """The nodes that take a call now, the freest first; among equals those with the least in `after`."""
        peers = self._peers.known()
        if self._placement.reachable():
            nodes = best(self._placement.nodes(), self._home)
            nodes.sort(key=lambda node: (-node.free, after.get(node.name, 0)))
            names = [node.name for node in nodes]
        else:
            names = [self._home] if self._home is not None else list(peers)
        return [peers[name] for name in names if name in peers and peers[name].url]

    async def _claimed(self, peer: AdminPeer) -> Slot | None:
        """None: nobody can say, and the node itself will. Raises `LookupError`: there is none."""
        try:
            slot = await self._placement.claim(
                peer.name, f"{CLAIMED}face-{os.getpid()}-{next(self._numbers)}"
            )
        except PlacementError:
            return None
        if slot is None:
            raise LookupError(peer.name)
        return slot

    async def _made(self, peer: AdminPeer, reply: NodeReply, slot: Slot | None) -> web.Response:
        made: dict[str, Any] = orjson.loads(reply.body)
        if slot is not None:
            try:
                await self._placement.rename(slot, made["call"])
            except PlacementError as error:
                log.warning("a slot was not renamed", call=made["call"], reason=str(error))
        response = answer({**made, "node": peer.name}, 201)
        response.headers["Location"] = f"/api/calls/{made['call']}"
        return response

    async def _released(self, slot: Slot | None) -> None:
        if slot is None:
            return
        try:
            await self._placement.release(slot)
        except PlacementError as error:
            log.warning("a slot was not given back", node=slot.node, reason=str(error))


def _taken(name: str) -> web.HTTPConflict:
    return web.HTTPConflict(reason=f"a leg is called {name} already")
