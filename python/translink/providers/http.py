"""One HTTP client for every provider: warm connections, errors that are safe to log.

Theory of operation
    One `aiohttp` session, one pool of kept-alive connections. A request is one attempt. There is
    one exception: a kept-alive connection that the peer closed while it was idle fails before a
    byte of the answer arrives, and that says nothing about the provider; such a request is sent
    once more, on another connection. One whose path died in silence (a suspend, another network, a
    firewall that restarted) is found by the kernel while it is idle, before a request has to.
    Whatever goes wrong outside becomes `ProviderError`, with the class that `errors.kind_of_status`
    decides. Messages never hold a key or a query: they are built from the status, the peer's cleaned
    words and the type of the exception.

Rule of use: `async with Http() as http:` around everything that uses it.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace, TracebackType
from typing import Self, TypedDict, Unpack

import aiohttp
import orjson

from translink import __version__
from translink.errors import Kind, ProviderError
from translink.providers.http_errors import broken, refusal, unreadable
from translink.providers.reading import read_json
from translink.trust import authorities

__all__ = ["USER_AGENT", "Answer", "Http", "Reply", "broken", "refusal", "unreadable"]

USER_AGENT = f"translink/{__version__}"
ADDRESS_KEPT = 10
"""Seconds that a name's address is remembered. A provider that moved is not found before they are over:
aiohttp does not forget the address of a connect that failed, and to make it forget (`clear_dns_cache`) is a
`KeyError` in those that were waiting for the same look-up."""
IDLE_PROBED = 5
"""Seconds after which the kernel asks whether the other end of an idle connection is still there."""
PROBE_PAUSE = 2
"""Seconds it waits for the answer."""
PROBES = 2
"""Without an answer to so many the connection is over: 9 s after its path died."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A finished exchange with a 2xx status."""

    status: int
    headers: Mapping[str, str]
    """Case-insensitive."""
    body: bytes
    provider: str

    def json(self) -> object:
        """The body as JSON. Raises `ProviderError` (TRANSIENT) when it is none."""
        try:
            value = read_json(self.body)
        except orjson.JSONDecodeError as exc:
            raise unreadable(self.provider, "not JSON", self.headers) from exc
        return value


class Reply:
    """An answer whose body is still coming."""

    def __init__(self, response: aiohttp.ClientResponse, provider: str) -> None:
        self._response = response
        self._provider = provider
        self.headers: Mapping[str, str] = response.headers
        """Case-insensitive."""

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body in pieces, as they arrive.

        Raises:
            ProviderError: TRANSIENT when the body stalls, breaks off, or ends short of its promised
                length.
        """
        try:
            async for chunk in self._response.content.iter_any():
                yield chunk
        except _OUTSIDE as exc:
            raise broken(self._provider, "body", exc, self.headers) from exc

    async def read(self, limit: int) -> bytes:
        """The whole body. Raises `ProviderError` as `chunks` does, and REFUSED when it exceeds
        `limit` bytes."""
        body = bytearray()
        async for chunk in self.chunks():
            body += chunk
            if len(body) > limit:
                message = f"body exceeds {limit} bytes"
                raise ProviderError(message, provider=self._provider, kind=Kind.REFUSED)
        return bytes(body)


class RequestParts(TypedDict, total=False):
    """What a request may have beside its address."""

    headers: Mapping[str, str]
    query: Sequence[tuple[str, str]]
    data: bytes


class Http:
    """The session. Bounded: `connections` at a time in all; a request that finds none free waits
    within its time-out."""

    def __init__(
        self,
        *,
        user_agent: str = USER_AGENT,
        connections: int = 256,
        keep_alive: float = 50.0,
    ) -> None:
        """`keep_alive`: seconds an idle connection is kept, below the usual 60 s of load balancers."""
        self.user_agent = user_agent
        self._connections = connections
        self._keep_alive = keep_alive
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                ssl=authorities(),
                limit=self._connections,
                keepalive_timeout=self._keep_alive,
                ttl_dns_cache=ADDRESS_KEPT,
                socket_factory=_probed,
            ),
            headers={"User-Agent": self.user_agent},
            cookie_jar=aiohttp.DummyCookieJar(),
            trace_configs=[_trace()],
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close all connections. Idempotent."""
        if self._session is not None:
            await self._session.close()

    async def request(
        self,
        method: str,
        url: str,
        *,
        provider: str,
        within: float,
        limit: int = 2 * 2**20,
        **parts: Unpack[RequestParts],
    ) -> Answer:
        """One exchange, body included, within so many seconds.

        Raises:
            ProviderError: any status but 2xx, no answer in time, connection trouble, a body beyond
                `limit` bytes.
        """
        patience = aiohttp.ClientTimeout(total=within)
        call = _Call(method, url, patience, **parts)
        async with self._exchange(call, provider) as response:
            body = await Reply(response, provider).read(limit)
            return Answer(response.status, response.headers, body, provider)

    @contextlib.asynccontextmanager
    async def stream(
        self,
        method: str,
        url: str,
        *,
        provider: str,
        within: float,
        **parts: Unpack[RequestParts],
    ) -> AsyncIterator[Reply]:
        """One exchange whose body is read as it comes; `within` bounds the connect and each wait
        for the next byte.

        Leaving the block before the body's end drops the connection. Raises as `request`.
        """
        patience = aiohttp.ClientTimeout(total=None, connect=within, sock_read=within)
        call = _Call(method, url, patience, **parts)
        async with self._exchange(call, provider) as response:
            yield Reply(response, provider)

    async def warm(
        self,
        url: str,
        *,
        count: int = 1,
        headers: Mapping[str, str] | None = None,
        within: float = 3.0,
    ) -> int:
        """Open up to `count` (at most 8) connections to the host of `url` ahead of time, by GET
        requests: after a HEAD without Content-Length, which is allowed, aiohttp keeps none.

        Returns how many were answered, whatever the status. Never raises for anything outside.
        """

        async def knock() -> bool:
            patience = aiohttp.ClientTimeout(total=within)
            try:
                response = await self._send(_Call("GET", url, patience, headers=headers or {}))
            except _OUTSIDE:
                return False
            await _some_of(response)
            response.close()
            return True

        return sum(await asyncio.gather(*(knock() for _ in range(min(count, 8)))))

    @contextlib.asynccontextmanager
    async def _exchange(self, call: _Call, provider: str) -> AsyncIterator[aiohttp.ClientResponse]:
        try:
            try:
                response = await self._send(call)
            except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError):
                if not call.watch.reused:
                    raise
                response = await self._send(call)
        except _OUTSIDE as exc:
            raise broken(provider, "request", exc) from exc
        try:
            if not 200 <= response.status < 300:
                secret = _credential(call.headers)
                body = await _some_of(response)
                raise refusal(provider, response.status, response.headers, body, secret=secret)
            yield response
        finally:
            # A body that was read to its end has given its connection back already.
            response.close()

    async def _send(self, call: _Call) -> aiohttp.ClientResponse:
        if self._session is None:
            raise RuntimeError("Http is used outside of its `async with`")
        return await self._session.request(
            call.method,
            call.url,
            params=call.query,
            data=call.data,
            headers=call.headers,
            timeout=call.patience,
            # A key must not follow a redirect to another host, and no API here answers with one.
            allow_redirects=False,
            trace_request_ctx=call.watch,
        )


@dataclass(slots=True)
class _Watch:
    """Of one request; the trace writes into it."""

    reused: bool = False
    """It went out on a kept-alive connection."""


@dataclass(frozen=True, slots=True)
class _Call:
    """One request, and its watch."""

    method: str
    url: str
    patience: aiohttp.ClientTimeout
    headers: Mapping[str, str] = field(default_factory=dict)
    query: Sequence[tuple[str, str]] = ()
    data: bytes | None = None
    watch: _Watch = field(default_factory=_Watch)


def _probed(address: aiohttp.AddrInfoType) -> socket.socket:
    """A socket whose other end is asked now and then whether it is there."""
    line = socket.socket(address[0], address[1], address[2])
    if sys.platform == "linux":
        with contextlib.suppress(OSError):  # a sandbox may not have them all: it connects without
            line.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, IDLE_PROBED)
            line.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, PROBE_PAUSE)
            line.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, PROBES)
            line.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    return line


def _trace() -> aiohttp.TraceConfig:
    async def reused(_: aiohttp.ClientSession, context: SimpleNamespace, __: object) -> None:
        context.trace_request_ctx.reused = True

    trace = aiohttp.TraceConfig()
    trace.on_connection_reuseconn.append(reused)
    return trace


def _credential(headers: Mapping[str, str]) -> str:
    """The key that was shown: in `Authorization`, or in a header named for it (`xi-api-key`)."""
    own = (shown for name, shown in headers.items() if name.lower().endswith(("key", "token")))
    return headers.get("Authorization", "").rpartition(" ")[2] or next(own, "")


async def _some_of(response: aiohttp.ClientResponse) -> bytes:
    """At most 64 KiB of a body that is not the point: how it ends changes nothing."""
    body = bytearray()
    with contextlib.suppress(*_OUTSIDE):
        async for chunk in response.content.iter_any():
            body += chunk
            if len(body) >= 2**16:
                break
    return bytes(body)


_OUTSIDE = (aiohttp.ClientError, OSError, TimeoutError, EOFError)
"""What trouble outside raises; everything else is a bug and goes up as it is."""
