"""The bare connection of a WebSocket to a node: its handshake done, and nothing that reads its messages."""

from __future__ import annotations

import asyncio
import base64
import secrets
from typing import Final, cast

from yarl import URL

from translink.trust import authorities

ANSWERS_END: Final = b"\r\n\r\n"
LONGEST_ANSWER: Final = 8_192
"""Bytes of a node's answer to the handshake."""
SWITCHING: Final = b"HTTP/1.1 101 "


async def opened(url: URL, protocols: str, token: str) -> tuple[asyncio.Transport, bytes]:
    """A connection on which reading is paused, and what came behind the answer to its handshake. `protocols`,
    `token`: of header fields, so without line ends. Raises `OSError` also for a node that says no."""
    host, port = url.host, url.port
    if host is None or port is None:
        raise ConnectionError("there is nobody")
    context = authorities() if url.scheme in ("https", "wss") else None
    answer = _Answer()
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_connection(lambda: answer, host, port, ssl=context)
    try:
        transport.write(_asked(url, protocols, token))
        return transport, await answer.rest
    except BaseException:
        transport.abort()
        raise


def _asked(url: URL, protocols: str, token: str) -> bytes:
    key = base64.b64encode(secrets.token_bytes(16)).decode()
    lines = (
        f"GET {url.raw_path_qs} HTTP/1.1",
        f"Host: {url.raw_authority}",
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        f"Sec-WebSocket-Key: {key}",
        f"Sec-WebSocket-Protocol: {protocols}",
        f"Authorization: Bearer {token}",
    )
    return "\r\n".join(lines).encode() + ANSWERS_END


class _Answer(asyncio.Protocol):
    """Reads to the end of the answer's head."""

    def __init__(self) -> None:
        self.rest: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._got = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's are not asyncio's

    def data_received(self, data: bytes) -> None:
        self._got += data
        head, end, rest = self._got.partition(ANSWERS_END)
        if not end and len(head) <= LONGEST_ANSWER:
            return
        assert self._transport is not None
        self._transport.pause_reading()
        if self.rest.done():
            return
        if end and head.startswith(SWITCHING):
            self.rest.set_result(rest)
        else:
            said = head.partition(b"\r\n")[0][:80].decode(errors="replace")
            self.rest.set_exception(ConnectionError(said))

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.rest.done():
            self.rest.set_exception(exc or ConnectionResetError("it hung up"))
