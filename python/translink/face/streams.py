"""`/api/live`, `/api/events` and `/api/legs/{leg}/audio` of all nodes, over the clients' own WebSockets."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final

import aiohttp
import orjson
from aiohttp import WSCloseCode, WSMsgType, web

from translink import __version__
from translink.admin.access.guard import ROLE
from translink.admin.http.route import Route
from translink.admin.routes.audio import MOST_LISTENERS
from translink.admin.routes.events import MOST_STREAMS
from translink.admin.routes.live import LIVE_VERSION, MOST_DASHBOARDS
from translink.admin.routes.requests import Watching, parsed
from translink.admin.routes.sockets import (
    SEND_PATIENCE,
    TOOK_NOTHING,
    Sockets,
    close,
    either,
    left,
)
from translink.face.fan import Fan, ViewerGone
from translink.face.peers import Peers, refusals
from translink.face.screen import Screen
from translink.observe.journal import Journal
from translink.process.clock import unix

HELLO_TIME: Final = 1.0
"""Seconds that a dashboard waits for the nodes' first messages; a node that comes later is reported as news."""
ORDER_PAUSE: Final = 0.06
"""Seconds between two things that a dashboard asks the nodes for: they take 20 a second."""


class NodeStreams:
    """Those that are open, of all kinds."""

    def __init__(self, peers: Peers, journal: Journal, *, listen_in: bool) -> None:
        """`journal`: what the face itself has to tell."""
        self._peers = peers
        self._journal = journal
        self._listen_in = listen_in
        most = MOST_DASHBOARDS - 1  # a crew itself follows each worker as one more dashboard
        self.dashboards = Sockets(most, f"{most} dashboards are open already", longest=4_096)
        self.events = Sockets(
            MOST_STREAMS, f"{MOST_STREAMS} event streams are open already", longest=4_096
        )
        self.listeners = Sockets(
            MOST_LISTENERS, f"{MOST_LISTENERS} are listening already", longest=128
        )

    def routes(self) -> list[Route]:
        """The table."""
        return [
            Route("GET", "/api/live", "read", self._live),
            Route("GET", "/api/events", "read", self._follow),
            Route("GET", "/api/legs/{leg}/audio", "listen", self._audio),
        ]

    async def close(self, _: web.Application | None = None) -> None:
        """The server goes down: tell every client."""
        for sockets in (self.dashboards, self.events, self.listeners):
            await sockets.close()

    def counts(self) -> dict[str, int]:
        """Those that are open, by kind, as a node's admin server counts its own."""
        return {
            "dashboards": len(self.dashboards),
            "event_streams": len(self.events),
            "listeners": len(self.listeners),
        }

    # --- The dashboard ---

    async def _live(self, request: web.Request) -> web.WebSocketResponse:
        async with self.dashboards.open(request) as stream:
            role = request.get(ROLE, "read")
            listen_in = self._listen_in and role == "control"
            hello = {"version": __version__, "role": role, "listen_in": listen_in}
            send, screen, heard = _sender(stream), Screen(), asyncio.Event()

            async def take(node: str, text: str) -> None:
                if news := screen.take(node, orjson.loads(text), time.monotonic()):
                    await send(news)
                heard.set()

            async def lose(node: str) -> None:
                if news := screen.lose(node):
                    await send(news)

            fan = Fan(self._peers, "/api/live", take, lose, _behind)

            async def begin() -> None:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(HELLO_TIME):
                        while len(screen.systems) < sum(
                            bool(p.url) for p in self._peers.known().values()
                        ):
                            heard.clear()
                            await heard.wait()
                await send(screen.begin(hello))
                async with contextlib.aclosing(aiter(self._own())) as own:
                    async for event in own:
                        await send({"events": [event]})

            await _served(stream, self._orders(stream, fan), fan.run(), begin())
        return stream

    async def _orders(self, stream: web.WebSocketResponse, fan: Fan) -> None:
        async for message in stream:
            if message.type is not WSMsgType.TEXT:
                return
            try:
                parsed(message.data, Watching)
            except web.HTTPBadRequest as error:
                await close(stream, WSCloseCode.POLICY_VIOLATION, error.reason)
                return
            await fan.ask(message.data)
            await asyncio.sleep(ORDER_PAUSE)

    # --- Events ---

    async def _follow(self, request: web.Request) -> web.WebSocketResponse:
        async with self.events.open(request) as stream:
            send = _sender(stream, numbered=False)

            async def take(node: str, text: str) -> None:
                event = orjson.loads(text)
                if event["type"] != "hello":
                    await send({**event, "node": node})

            async def lose(_: str) -> None:
                pass

            async def own() -> None:
                async for event in self._own(request.query.get("call"), request.query.get("leg")):
                    await send(event)

            await send({"type": "hello", "at": unix(), "version": __version__})
            fan = Fan(self._peers, request.raw_path, take, lose, _behind)
            await _served(stream, left(stream), fan.run(), own())
        return stream

    async def _own(self, call: str | None = None, leg: str | None = None) -> Any:
        subscription = self._journal.subscribe(call=call, leg=leg)
        try:
            async for event in subscription:
                yield event.as_dict()
        finally:
            subscription.close()
        if subscription.cut_off:
            raise ViewerGone(subscription.cut_off)

    # --- Listening in ---

    async def _audio(self, request: web.Request) -> web.WebSocketResponse:
        leg = request.match_info["leg"]
        with refusals("leg"):
            peer = await self._peers.owner_of_leg(leg)
        try:
            async with self._peers.connect(peer, request.raw_path) as upstream:
                async with self.listeners.open(request) as stream:
                    why = await either(left(stream), _relayed(upstream, stream))
                    await close(stream, WSCloseCode.GOING_AWAY, why or "")
                return stream
        except aiohttp.WSServerHandshakeError as error:
            if error.status == 400:
                raise web.HTTPBadRequest(reason="of should be said, heard") from None
            raise web.HTTPServiceUnavailable(reason=error.message) from None
        except (OSError, TimeoutError, aiohttp.ClientError):
            raise web.HTTPServiceUnavailable(reason="its node does not answer") from None


def _sender(
    stream: web.WebSocketResponse, *, numbered: bool = True
) -> Callable[[dict[str, Any]], Awaitable[None]]:
    """Sends to one client, one message after the other. Raises `ViewerGone`, also for one that takes nothing
    for `SEND_PATIENCE` seconds."""
    turn, number = asyncio.Lock(), 0

    async def send(message: dict[str, Any]) -> None:
        nonlocal number
        async with turn:
            if numbered:
                message = {"v": LIVE_VERSION, "at": unix(), "n": number, **message}
                number += 1
            try:
                async with asyncio.timeout(SEND_PATIENCE):
                    await stream.send_str(orjson.dumps(message).decode())
            except TimeoutError as error:
                raise ViewerGone(TOOK_NOTHING) from error
            except OSError as error:
                raise ViewerGone from error

    return send


def _behind(node: str) -> None:
    """Of events none may be missed, so a client whose node had to leave some out is told."""
    raise ViewerGone(f"too far behind for {node}")


async def _served(
    stream: web.WebSocketResponse, reading: Coroutine[None, None, None], *works: Any
) -> None:
    """Read, and do all of the works, until one of them ends, which is when the viewer is gone; then say goodbye,
    and why."""

    async def work_on() -> str:
        tasks = [asyncio.create_task(work) for work in works]
        try:
            await asyncio.gather(*tasks)
        except ViewerGone as gone:
            return str(gone)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        return ""

    why = await either(reading, work_on())
    await close(stream, WSCloseCode.TRY_AGAIN_LATER if why else WSCloseCode.GOING_AWAY, why or "")


async def _relayed(upstream: aiohttp.ClientWebSocketResponse, stream: web.WebSocketResponse) -> str:
    """Why there is no more, in the node's words."""
    while (message := await upstream.receive()).type is aiohttp.WSMsgType.BINARY:
        async with asyncio.timeout(SEND_PATIENCE):
            await stream.send_bytes(message.data)
    return message.extra or ""
