"""Where faults get into the offline server: the server calls these hooks, a script decides.

The server works the same without any (`faults=None`). Every hook is awaited in the place where it
stands, so that a hook that sleeps delays just that step and a hook that never returns hangs it. A
hook may also act on the `Connection` at any other time (from a task of its own): reset it, close
it, inject text, stop its reading.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from aiohttp import web

LISTEN = "listen"
PRERECORDED = "prerecorded"
SPEAK = "speak"
SPEAK_LIVE = "speak-live"
TRANSLATE = "translate"
CHAT = "chat"
SPEECH = "speech"
TRANSCRIPTIONS = "transcriptions"
"""The services of OpenAI's protocol; the others are Deepgram's and DeepL's."""
SERVICES = (LISTEN, PRERECORDED, SPEAK, SPEAK_LIVE, TRANSLATE, CHAT, SPEECH, TRANSCRIPTIONS)


class Reset(Exception):
    """Raised by a hook: break this TCP connection with RST, now, without an answer."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer instead of the service's own."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    """Beside the usual ones, as in `{"Retry-After": "2"}`."""
    body: bytes | None = None
    """None = the body that the real service sends with this status."""


@dataclass(frozen=True, slots=True)
class Ask:
    """What a request was, for a hook to choose by."""

    service: str
    number: int
    """Counts the requests of this service from 0."""
    query: Mapping[str, str]
    headers: Mapping[str, str]
    peer: str
    """`host:port` of the client."""


class Connection:
    """One open WebSocket, as a script sees it."""

    def __init__(
        self, ask: Ask, request: web.Request, ws: web.WebSocketResponse, request_id: str
    ) -> None:
        self.ask = ask
        self.request_id = request_id
        self.audio_seconds = 0.0
        """Seconds of audio received so far."""
        self._request = request
        self._ws = ws

    def reset(self) -> None:
        """Break the TCP connection with RST."""
        reset_transport(self._request.transport)

    async def close(self, code: int, reason: str = "") -> None:
        """Close with this code and reason and nothing before it."""
        await self._ws.close(code=code, message=reason.encode())

    async def inject(self, text: str) -> None:
        """Send this text now, past the `outbound` hook."""
        if not self._ws.closed:
            await self._ws.send_str(text)

    def stop_reading(self) -> None:
        """Leave everything the peer sends in the kernel's buffers from now on (a zombie)."""
        if self._request.transport is not None:
            self._request.transport.pause_reading()


class Faults(Protocol):
    """All hooks. Subclass `NoFaults` and override what the script needs."""

    async def handshake(self, ask: Ask) -> Refusal | None:
        """A WebSocket wants to open (listen, speak-live), already validated and authorised.

        None = go on; may raise `Reset`.
        """

    async def opened(self, connection: Connection) -> None:
        """It is open; nothing was read yet."""

    async def closed(self, connection: Connection) -> None:
        """It is over, whichever side ended it."""

    async def inbound(self, connection: Connection, message: str | bytes) -> str | bytes | None:
        """A message came in. Returns it (or another) to be processed, None to ignore it; may raise
        `Reset`.

        While this waits nothing more is read: the peer's sends block once the buffers are full.
        """

    async def outbound(self, connection: Connection, message: str | bytes) -> str | bytes | None:
        """A message is about to go out. Returns it (or another), None to swallow it; may raise
        `Reset`.
        """

    async def http(self, ask: Ask) -> Refusal | None:
        """A prerecorded, speak or translate request is here. None = go on; may raise `Reset`."""

    async def chunk(self, ask: Ask, index: int, data: bytes) -> bytes | None:
        """A piece of an HTTP answer's body. None = break the connection here (a truncated body);
        may raise `Reset`.
        """


class NoFaults:
    """Does nothing: the base of a script and the server's default."""

    async def handshake(self, ask: Ask) -> Refusal | None:
        return None

    async def opened(self, connection: Connection) -> None:
        return None

    async def closed(self, connection: Connection) -> None:
        return None

    async def inbound(self, connection: Connection, message: str | bytes) -> str | bytes | None:
        return message

    async def outbound(self, connection: Connection, message: str | bytes) -> str | bytes | None:
        return message

    async def http(self, ask: Ask) -> Refusal | None:
        return None

    async def chunk(self, ask: Ask, index: int, data: bytes) -> bytes | None:
        return data


def reset_transport(transport: asyncio.BaseTransport | None) -> None:
    """RST: close with SO_LINGER 0."""
    if transport is None:
        return
    sock = transport.get_extra_info("socket")
    if sock is not None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()  # type: ignore[attr-defined] # a WriteTransport
