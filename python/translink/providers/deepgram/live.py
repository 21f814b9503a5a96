"""The WebSocket under `protocol.Listen`.

Theory of operation
    Messages are read by the task that iterates the stream and written by the one that sends: no task and no
    queue stands between a frame and the socket, or between a result and its reader. One task per
    connection wakes for KeepAlive; should it fail, it aborts the connection, and the iterator
    reports why.

    What is in flight is bounded: 16 KiB in the transport, 64 KiB in the kernel, together about 2.5
    s of audio. Then `send` waits, and a peer that has stopped reading shows as a blocked send.
    Incoming: 32 messages, then reading pauses.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections import deque
from collections.abc import AsyncIterator, Callable, Collection
from os import urandom
from time import monotonic

from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import broadcast
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.protocol import State

from translink._core import websocket_message
from translink.errors import Kind, ProviderError, printable
from translink.providers.deepgram.flux import MOST_FILL, Flux, FluxOptions
from translink.providers.deepgram.options import (
    DEEPGRAM_URL,
    ListenOptions,
    Scheme,
    authorization,
    endpoint,
)
from translink.providers.deepgram.protocol import KEEP_ALIVE_EVERY, Listen, TermsAnswer
from translink.providers.http import USER_AGENT, Http, broken, refusal
from translink.results import StreamEvent
from translink.text.keyterms import MOST_TOKENS, count_tokens, joined
from translink.trust import authorities

IN_TRANSPORT = 2**14
"""Bytes that may wait in the transport before sending does."""
GOODBYE = 0.2
"""Seconds for the close that tells why: it follows Metadata some 25 ms later (observed)."""

_log = logging.getLogger("translink.deepgram.websocket")
# At DEBUG the library logs the handshake, and with it the key.
_log.setLevel(logging.INFO)


class _Connect(connect):
    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc


class DeepgramLive:
    """Opens live connections. Implements `LiveTranscriber`."""

    def __init__(
        self,
        http: Http | None = None,
        *,
        base_url: str = DEEPGRAM_URL,
        api_key: str,
        options: ListenOptions | None = None,
        flux: FluxOptions | None = None,
        scheme: Scheme = "Token",
        connect_timeout: float = 3.0,
        keep_alive: float = KEEP_ALIVE_EVERY,
        languages: Collection[str] | None = None,
        configure: bool | None = None,
        name: str = "deepgram.listen",
    ) -> None:
        """`http` lends its User-Agent only. `flux`: languages that it has are recognised by Flux, the others
        as `options` say. `connect_timeout`: TCP, TLS and handshake together, in
        seconds. `languages`: all that this server recognises; None = those of the model. `configure`:
        whether it takes key terms on an open stream; None = at the global host, which alone does.

        Raises:
            SettingsError: an unusable base URL or key.
        """
        self.name = name
        self._base_url = base_url
        self._options = options or ListenOptions()
        self._flux = flux
        self._languages = languages
        self._configure = (
            endpoint(base_url, "") == DEEPGRAM_URL if configure is None else configure
        ) and self._options.takes_terms
        self._secret = api_key.strip()
        self._headers = authorization(api_key, scheme)
        self._user_agent = http.user_agent if http else USER_AGENT
        self._connect_timeout = connect_timeout
        self._keep_alive = keep_alive
        self._secure = endpoint(base_url, "", websocket=True).startswith("wss:")

    def hears(self, language: str) -> bool:
        """Whether the model recognises it."""
        return self._by_flux(language) or self._options.hears(language, self._languages)

    def _by_flux(self, language: str) -> bool:
        return self._flux is not None and self._flux.hears(language, self._languages)

    async def connect(self, language: str) -> DeepgramStream:
        """Open a connection without terms of its own; see `connect_expecting`."""
        return await self.connect_expecting(language, ())

    async def connect_expecting(self, language: str, terms: tuple[str, ...]) -> DeepgramStream:
        """Open a connection; ready for audio when this returns. No redirect is followed: callers'
        voices go to the host in the settings and nowhere else.

        Raises:
            ProviderError: the handshake was refused (class by status), or took too long, or broke
                (TRANSIENT). Nothing else is raised for whatever a server answers.
        """
        flux = self._flux if self._by_flux(language) else None
        path, asked = ("/v2/listen", flux) if flux else ("/v1/listen", self._options)
        url = endpoint(self._base_url, path, asked.query(language, terms), websocket=True)
        try:
            websocket = await _Connect(
                url,
                additional_headers=self._headers,
                user_agent_header=self._user_agent,
                compression=None,
                proxy=None,
                open_timeout=self._connect_timeout,
                # A dead peer is found within 20 s even while nobody speaks; with speech the
                # watchdog is faster.
                ping_interval=10,
                ping_timeout=10,
                close_timeout=1,
                max_size=2**20,
                max_queue=32,
                write_limit=IN_TRANSPORT,
                logger=_log,
                ssl=authorities() if self._secure else None,
            )
        except InvalidStatus as exc:
            headers = dict(exc.response.headers.raw_items())
            status, body = exc.response.status_code, bytes(exc.response.body or b"")
            raise refusal(self.name, status, headers, body, secret=self._secret) from exc
        except Exception as exc:
            # Only the library's work is in here: what it raises for an answer it did not foresee
            # (ValueError for an odd header) is the server's doing, and must not end a call.
            raise broken(self.name, "connect", exc) from exc
        always = asked.keyterm if self._configure else None
        return DeepgramStream(websocket, self._protocol(flux), always)

    def _protocol(self, flux: FluxOptions | None) -> Listen:
        if flux is None:
            return Listen(monotonic(), provider=self.name, keep_alive=self._keep_alive)
        patience = max(MOST_FILL, (flux.eot_timeout_ms or 0) / 1000 + 5)
        return Flux(
            monotonic(), provider=self.name, keep_alive=self._keep_alive, most_fill=patience
        )


class DeepgramStream:
    """One open connection. Implements `LiveStream`.

    May be sent to and iterated by two tasks, one each.
    """

    def __init__(
        self,
        websocket: ClientConnection,
        protocol: Listen,
        always: tuple[str, ...] | None = None,
    ) -> None:
        """`protocol` has just begun. `always` = key terms that go with all others; None = it takes none
        while it is open."""
        self._websocket = websocket
        self._always = always
        self._reports: deque[Callable[[str | None], None]] = deque(maxlen=64)
        """What waits for the answers to Configure, in order."""
        self._protocol = protocol
        ids = websocket.response.headers.get_all("dg-request-id") if websocket.response else []
        self.request_id = printable(ids[0]) if ids else ""
        """Deepgram's name of this connection, for their support."""
        protocol.request_id = self.request_id or None
        # Nagle is off already (asyncio, uvloop); a small send buffer lets a stuck peer block `send`
        # early.
        with contextlib.suppress(OSError):  # Gone already: the first send or read will tell.
            sock: socket.socket = websocket.transport.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 2**15)
        self._keeper = asyncio.create_task(self._keep(), name=f"{protocol.provider} keep-alive")

    @property
    def frames_sent(self) -> int:
        """Binary messages of the caller's audio."""
        return self._protocol.frames_sent

    @property
    def bytes_sent(self) -> int:
        """Bytes of the caller's audio."""
        return self._protocol.bytes_sent

    @property
    def protocol(self) -> Listen:
        """Counters of the conversation; not to be written to."""
        return self._protocol

    async def send(self, pcm: bytes) -> None:
        """Send audio; returns when the transport has taken it. Empty `pcm` is not sent.

        Raises:
            ProviderError: the connection is gone or the server has ended the stream; `pcm` is not
                recognised then.
        """
        self._protocol.audio(pcm, monotonic())
        await self._write()

    def send_now(self, pcm: bytes) -> bool:
        """Send audio if the transport takes it at once; False: nothing was sent, `send` will wait
        or tell why. A tenth of what `send` costs: no coroutine, no future."""
        websocket, protocol = self._websocket, self._protocol
        transport = websocket.transport
        if (
            websocket.protocol.state is not State.OPEN
            or protocol.closing
            or protocol.over
            or transport.is_closing()
            or transport.get_write_buffer_size() > IN_TRANSPORT
        ):
            return False
        protocol.audio(pcm, monotonic())
        for message in protocol.to_send():
            if isinstance(message, bytes):
                # What the library would write: it is asked in a dozen calls, and this is each frame's way.
                transport.write(websocket_message(message, urandom(4)))
            else:
                # The library's own way to send without waiting, here to one connection.
                broadcast((websocket,), message)
        return True

    def expect(self, terms: tuple[str, ...], report: Callable[[str | None], None]) -> bool:
        """Have these key terms expected from now on, instead of those before. See `TakesTerms`. A list
        that may be too long is not sent: it would end the recognition without a word."""
        websocket, protocol = self._websocket, self._protocol
        if self._always is None or websocket.state is not State.OPEN:
            return False
        all_of_them = joined(self._always, terms)
        if protocol.closing or protocol.over or count_tokens(all_of_them) > MOST_TOKENS:
            return False
        protocol.configure(all_of_them, monotonic())
        self._reports.append(report)
        for message in protocol.to_send():
            broadcast((websocket,), message)
        return True

    async def finalize(self) -> None:
        """Ask for everything sent so far to be made final. Raises as `send`."""
        self._protocol.finalize(monotonic())
        await self._write()

    async def close(self, wait: float = 5.0) -> None:
        """CloseStream; what still comes is the iterator's, which then stops. After `wait` seconds
        the connection is dropped.

        Somebody must be iterating: unread results hold back the end. Never raises: the iterator
        tells how it ended.
        """
        self._protocol.close(monotonic())
        try:
            async with asyncio.timeout(wait):
                await self._write()
                await self._websocket.wait_closed()
        except ProviderError:
            pass
        except TimeoutError:
            self._end(None, f"CloseStream was not answered within {wait:g} s")
        finally:
            self.abort()

    def abort(self) -> None:
        """Drop the connection at once; the iterator raises `ProviderError`, unless all had been
        said. Idempotent."""
        if self._websocket.state is not State.CLOSED:
            self._end(None, "aborted here")
            self._websocket.transport.abort()
        self._keeper.cancel()

    def __aiter__(self) -> AsyncIterator[StreamEvent]:
        return self._read()

    async def _read(self) -> AsyncIterator[StreamEvent]:
        protocol = self._protocol
        while True:
            for event in self._news():
                yield event
            try:
                # As bytes: JSON is parsed from them, and text that is no UTF-8 is only one more
                # garbled message.
                message = await self._websocket.recv(decode=False)
            except ConnectionClosed as closed:
                self._lost(closed)
                for event in self._news():
                    yield event
                failure = protocol.failure()
                if failure is not None:
                    raise failure from closed
                return
            protocol.receive(message, monotonic())

    def _news(self) -> list[StreamEvent]:
        """What was learned, but for what is answered here."""
        events: list[StreamEvent] = []
        for event in self._protocol.events():
            if not isinstance(event, TermsAnswer):
                events.append(event)
            elif self._reports:
                self._reports.popleft()(event.refusal)
        return events

    async def _write(self) -> None:
        websocket = self._websocket
        if websocket.state is not State.OPEN or self._protocol.over:
            await self._goodbye()
            raise self._gone()
        for message in self._protocol.to_send():
            try:
                await websocket.send(message)
            except ConnectionClosed as closed:
                self._lost(closed)
                raise self._gone() from closed

    async def _goodbye(self) -> None:
        """Read why the server ends it. The iterator does too, but a sender may fail before."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(GOODBYE):
                await self._websocket.wait_closed()
        if (close := self._websocket.protocol.close_rcvd) is not None:
            self._end(close.code, close.reason)

    async def _keep(self) -> None:
        """Sleep until KeepAlive is due, again and again; end with the connection."""
        try:
            while (deadline := self._protocol.deadline) is not None:
                try:
                    async with asyncio.timeout(max(0.0, deadline - monotonic())):
                        await self._websocket.wait_closed()
                        return
                except TimeoutError:
                    self._protocol.tick(monotonic())
                async with asyncio.timeout(2.0):
                    await self._write()
        except TimeoutError:
            self._fail("KeepAlive could not be written for 2 s: the peer does not read")
        except ProviderError:
            pass  # The iterator will see the end for itself.
        except Exception as exc:
            _log.exception("keep-alive of %s failed", self._protocol)
            self._fail(f"keep-alive failed: {type(exc).__name__}")

    def _fail(self, why: str) -> None:
        self._end(None, why)
        self._websocket.transport.abort()

    def _lost(self, closed: ConnectionClosed) -> None:
        if closed.rcvd is not None:
            self._end(closed.rcvd.code, closed.rcvd.reason)
        elif closed.sent is not None:
            # Our side gave up: no pong, or bytes that are no WebSocket. That is the peer's trouble,
            # not our request's.
            self._end(None, closed.sent.reason or f"given up with {closed.sent.code}")
        else:
            cause = closed.__cause__
            self._end(None, "connection lost" + (f": {type(cause).__name__}" if cause else ""))

    def _end(self, code: int | None, reason: str) -> None:
        self._protocol.closed(code, reason, monotonic())

    def _gone(self) -> ProviderError:
        name = self._protocol.provider
        failure = self._protocol.failure()
        return failure or ProviderError(f"{name} is closed", provider=name, kind=Kind.TRANSIENT)
