"""The nodes as they are asked: their admin servers, each for itself, none waited for longer than `NODE_ANSWER_TIME`."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote

import aiohttp
import orjson
import structlog
from aiohttp import web
from yarl import URL

from translink.errors import TranslinkError
from translink.log import RateLimit
from translink.trust import authorities

NODE_ANSWER_TIME: Final = 2.0
"""Seconds for a node's answer. One that needs longer is shown as silent."""
CREATION_TIME: Final = 10.0
"""For what must not be done twice: a call that is being made."""
HAND_OVER_TIME: Final = 6.0
"""For giving way to another process. It waits 10 s for all of them, and gives up where it hears nothing by then."""
SCRAPE_TIME: Final = 8.0
"""For the text of `/metrics`, which is large: Prometheus itself waits 10 s."""
CONNECTIONS_TO_NODE: Final = 16
"""To one node at once, for requests; more wait, within their patience."""
KEPT_HEADERS: Final = ("Content-Type", "Content-Disposition", "Location", "Retry-After")
NOT_LET_IN: Final = (401, 403)
"""Answers of a node that takes us for a stranger, though what we show may do everything."""
SAYS_NOT_WHOSE: Final = (404, 429)
"""Answers by which a node has not said that a call or leg is its own: no, and that it looks at nothing now."""

log = structlog.get_logger("translink.face")


class NodeSilent(TranslinkError):
    """A node that may know did not answer."""


class LegNamedTwice(TranslinkError):
    """Several nodes have a leg of that name: which one is meant nobody can tell."""


@contextlib.contextmanager
def refusals(what: str) -> Iterator[None]:
    """Why the node of a call or leg (`what`) cannot be asked, as a client is told."""
    try:
        yield
    except KeyError:
        raise web.HTTPNotFound(reason=f"there is no {what} of that name") from None
    except LegNamedTwice as error:
        raise web.HTTPConflict(reason=str(error)) from None
    except NodeSilent as error:
        raise web.HTTPServiceUnavailable(reason=str(error)) from None


@dataclass(frozen=True, slots=True)
class AdminPeer:
    """A node's admin server."""

    name: str
    """Of the node: a word. Names of its calls begin with it."""
    url: str
    """Empty: it is not there at the moment."""
    token: str = field(repr=False)
    """With the role control."""


@dataclass(frozen=True, slots=True)
class NodeReply:
    """What a node answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """The body. Raises `ValueError`."""
        return orjson.loads(self.body)

    def response(self) -> web.Response:
        """The same, as our own answer; an error as the guard writes errors."""
        return web.Response(status=self.status, headers=dict(self.headers), body=self.body)


class Peers:
    """All nodes, with the connections to them."""

    def __init__(self, known: Callable[[], Mapping[str, AdminPeer]]) -> None:
        """`known`: the nodes as they are now, by name; looked at for each request."""
        self._known = known
        self._http: aiohttp.ClientSession | None = None
        self._streams: aiohttp.ClientSession | None = None
        self._limit = RateLimit()

    async def start(self) -> None:
        """Nothing is connected yet."""
        self._http = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                ssl=authorities(), limit=0, limit_per_host=CONNECTIONS_TO_NODE
            )
        )
        # Streams take no request's connection; their number is bounded by those who watch.
        self._streams = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=authorities(), limit=0)
        )

    async def close(self) -> None:
        """Idempotent."""
        for session in (self._http, self._streams):
            if session is not None:
                await session.close()

    def known(self) -> Mapping[str, AdminPeer]:
        """The nodes as they are now, by name."""
        return self._known()

    async def ask(
        self,
        peer: AdminPeer,
        method: str,
        path: str,
        body: bytes | None = None,
        patience: float = NODE_ANSWER_TIME,
    ) -> NodeReply | None:
        """None: it did not answer, or not to us. `path` is as it came, query included. `body` is JSON."""
        if not peer.url or self._http is None:
            return None
        headers = _shown(peer) | ({} if body is None else {"Content-Type": "application/json"})
        try:
            async with (
                asyncio.timeout(patience),
                self._http.request(
                    method,
                    URL(peer.url + path, encoded=True),
                    data=body,
                    headers=headers,
                    allow_redirects=False,
                ) as answer,
            ):
                kept = {
                    name: answer.headers[name] for name in KEPT_HEADERS if name in answer.headers
                }
                reply = NodeReply(answer.status, kept, await answer.read())
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            self._complain(peer, str(error) or f"no answer within {patience:g} s")
            return None
        if reply.status in NOT_LET_IN:
            # Nobody's answer: our clients have shown a token that is right.
            self._complain(peer, f"{reply.status} {reply.body[:200].decode(errors='replace')}")
            return None
        return reply

    def _complain(self, peer: AdminPeer, reason: str) -> None:
        """Else a node that is only set wrongly looks like one that is not there. Once a minute each."""
        if (unlogged := self._limit.due(peer.name, time.monotonic())) is not None:
            log.warning(
                "a node could not be asked",
                node=peer.name,
                url=peer.url,
                reason=reason,
                unlogged=unlogged,
            )

    async def ask_all(
        self, method: str, path: str, body: bytes | None = None, patience: float = NODE_ANSWER_TIME
    ) -> dict[str, NodeReply | None]:
        """What each of them answers, by name."""
        peers = self._known()
        replies = await asyncio.gather(
            *(self.ask(peer, method, path, body, patience) for peer in peers.values())
        )
        return dict(zip(peers, replies, strict=True))

    async def values(self, path: str) -> dict[str, Any]:
        """What each answers to GET, as values; None: no answer, or none of JSON. A refusal counts as
        an answer where it says more than why (`/ready`)."""
        replies = await self.ask_all("GET", path)
        found: dict[str, Any] = {}
        for node, reply in replies.items():
            try:
                value = reply.json() if reply is not None else None
            except ValueError:
                value = None
            found[node] = None if isinstance(value, dict) and "error" in value else value
        return found

    async def owner_of(
        self, name: str, method: str, path: str, body: bytes | None = None
    ) -> tuple[AdminPeer, NodeReply]:
        """The node that has the call or leg `name`, and what it answers to the request. Names of calls are unique,
        and a node that does not have that name does nothing (404), so the one that has it may be looked for by asking.

        Raises:
            KeyError: no node has it.
            NodeSilent: none that answers has it, and not all answer.
        """
        return (await self._owners(name, method, path, body))[0]

    async def owner_of_leg(self, leg: str) -> AdminPeer:
        """The node that has it, for what may be done to one leg only: nodes of a fleet with the same settings have
        legs of the same names. Raises as `owner_of`, and `LegNamedTwice`."""
        owners = await self._owners(leg, "GET", f"/api/legs/{quote(leg, safe='')}", None)
        having = [peer for peer, reply in owners if reply.status < 400]
        if len(having) > 1:
            nodes = ", ".join(sorted(peer.name for peer in having))
            raise LegNamedTwice(
                f"leg {leg} is on {nodes}: legs of a fleet need names of their own (legs[].name)"
            )
        return having[0] if having else owners[0][0]

    async def order(self, leg: str, method: str, path: str, body: bytes | None) -> NodeReply:
        """Have the node of the leg, and no other, do it. Raises as `owner_of_leg`."""
        peer = await self.owner_of_leg(leg)
        if (reply := await self.ask(peer, method, path, body)) is None:
            raise NodeSilent(f"{peer.name} does not answer")
        return reply

    async def _owners(
        self, name: str, method: str, path: str, body: bytes | None
    ) -> list[tuple[AdminPeer, NodeReply]]:
        """At least one; all, where the name does not say whose it is."""
        peers = self._known()
        likely = [peer for peer in peers.values() if name.startswith(f"{peer.name}-")]
        rest = [peer for peer in peers.values() if peer not in likely]
        silent: list[str] = []
        for group in (likely, rest):
            replies = await asyncio.gather(*(self.ask(peer, method, path, body) for peer in group))
            answers = list(zip(group, replies, strict=True))
            silent += [peer.name for peer, r in answers if r is None or r.status == 429]
            owners = [
                (peer, r) for peer, r in answers if r is not None and r.status not in SAYS_NOT_WHOSE
            ]
            if owners:
                return owners
        if silent:
            raise NodeSilent(f"{', '.join(silent)} does not answer")
        raise KeyError(name)

    @contextlib.asynccontextmanager
    async def connect(
        self, peer: AdminPeer, path: str
    ) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
        """A WebSocket to a node. Raises `OSError`, `TimeoutError`, `aiohttp.ClientError`."""
        if not peer.url or self._streams is None:
            raise ConnectionError(f"{peer.name} is not there")
        async with asyncio.timeout(NODE_ANSWER_TIME) as bound:
            async with self._streams.ws_connect(
                URL(peer.url + path, encoded=True),
                headers=_shown(peer),
                max_msg_size=0,
                timeout=aiohttp.ClientWSTimeout(ws_close=0.5),
            ) as socket:
                bound.reschedule(None)
                yield socket


def _shown(peer: AdminPeer) -> dict[str, str]:
    return {"Authorization": f"Bearer {peer.token}"}
