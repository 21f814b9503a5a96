"""WebSocket `/v1/listen`: one task reads and recognises, one writes. `ListenSession` has the rules."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import Iterable, Iterator

import orjson
from aiohttp import WSMsgType, web

from translink.audio import AudioError, Decoder, decoder
from translink.offline.admission import Denied, OfflineAdmission, broken, request_id
from translink.offline.engines.protocols import (
    BusyError,
    EngineFailed,
    EngineMissing,
    Heard,
    Recognizer,
    RecognizerEngine,
)
from translink.offline.hooks import LISTEN, Connection, Reset
from translink.offline.messages import (
    DATA_REASON,
    IDLE_REASON,
    NO_ANSWER_REASON,
    Json,
    identity,
    metadata,
)
from translink.offline.query import listen_options
from translink.offline.session import (
    Finish,
    ListenSession,
    ListenTiming,
    Partial,
    Say,
    SessionAudio,
    SessionOptions,
    Step,
)

_OUTBOX = 256
"""Messages that may wait for their time or for a slow reader; when full, recognition waits."""
_SIGN_OF_LIFE = 1.0
"""Seconds between messages while the recogniser is slow."""
_LAST_MESSAGES = 10.0
"""Seconds that the outbox has to empty itself at the end."""


class LiveListen:
    """The handler. One instance serves all streams."""

    def __init__(
        self, admission: OfflineAdmission, engine: RecognizerEngine, timing: ListenTiming
    ) -> None:
        self._admission = admission
        self._engine = engine
        self._timing = timing

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Handshake, then the stream until it ends."""
        ask, new_id = self._admission.ask(LISTEN, request), request_id()
        try:
            self._admission.authorise(request)
            options = listen_options(request.query, self._engine.languages())
            with self._admission.room(LISTEN):
                if self._timing.handshake_delay:
                    await asyncio.sleep(self._timing.handshake_delay)
                refusal = await self._admission.faults.handshake(ask)
                if refusal is not None:
                    return self._admission.refusal(LISTEN, refusal, new_id)
                recognizer = await self._open(options.language)
                try:
                    ws = web.WebSocketResponse(compress=False, protocols=("token",))
                    ws.headers["dg-request-id"] = new_id
                    await ws.prepare(request)
                    connection = Connection(ask, request, ws, new_id)
                    session = _LiveSession(
                        self._admission, connection, ws, recognizer, options, self._timing
                    )
                    await session.run()
                    return ws
                finally:
                    await recognizer.close()
        except Denied as denied:
            return self._admission.denied(LISTEN, denied, new_id)
        except Reset:
            return broken(request)

    async def _open(self, language: str) -> Recognizer:
        try:
            return await self._engine.open(language.split("-")[0])
        except BusyError as error:
            raise Denied(429) from error
        except EngineMissing as error:
            raise Denied(503, str(error)) from error
        except EngineFailed as error:
            raise Denied(500) from error


class _LiveSession:
    def __init__(
        self,
        admission: OfflineAdmission,
        connection: Connection,
        ws: web.WebSocketResponse,
        recognizer: Recognizer,
        options: SessionOptions,
        timing: ListenTiming,
    ) -> None:
        self._admission = admission
        self._connection = connection
        self._ws = ws
        self._recognizer = recognizer
        self._options = options
        self._timing = timing
        self._session = ListenSession(
            options, timing, identity(connection.request_id, options.model)
        )
        self._decoder: Decoder = decoder(options.encoding, options.rate, options.channels)
        self._hash = hashlib.sha256()
        self._outbox: asyncio.Queue[tuple[float, str] | None] = asyncio.Queue(_OUTBOX)
        self._now = asyncio.get_running_loop().time
        self._opened = self._now()
        self._latest: tuple[Heard, ...] = ()

    async def run(self) -> None:
        """Until either side ends it. Raises nothing but cancellation."""
        self._admission.opened(self._connection)
        writer = asyncio.create_task(self._write(), name="listen-writer")
        try:
            await self._admission.faults.opened(self._connection)
            code, reason, sha = await self._read()
            if code is not None:
                await self._last_words(writer, sha)
                await self._ws.close(code=code, message=reason.encode())
        except Reset:
            self._connection.reset()
        except EngineFailed:
            await self._ws.close(code=1011, message=NO_ANSWER_REASON.encode())
        except ConnectionError:
            pass  # the peer went away while we wrote: nobody is left to tell
        finally:
            writer.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await writer
            self._admission.closed(self._connection)
            await self._admission.faults.closed(self._connection)

    async def _read(self) -> tuple[int | None, str, str]:
        """(close code or None when the peer is gone, reason, sha256 for the Metadata)."""
        while True:
            try:
                message = await self._ws.receive(timeout=self._timing.idle_timeout)
            except TimeoutError:
                return 1011, IDLE_REASON, "incomplete"
            if message.type not in (WSMsgType.TEXT, WSMsgType.BINARY):
                return None, "", ""
            data = await self._admission.faults.inbound(self._connection, message.data)
            if isinstance(data, str):
                ended = await self._command(data)
            elif data is not None:
                ended = await self._audio(data)
            else:
                continue
            if ended is not None:
                return *ended, self._hash.hexdigest()

    async def _command(self, text: str) -> tuple[int, str] | None:
        try:
            kind = orjson.loads(text)["type"]
        except (orjson.JSONDecodeError, KeyError, TypeError):
            return 1008, DATA_REASON
        match kind:
            case "KeepAlive":
                return None
            case "Finalize":
                await self._perform(self._session.finalize())
                return None
            case "CloseStream":
                await self._finish()
                return 1000, ""
        return 1008, DATA_REASON

    async def _audio(self, data: bytes) -> tuple[int, str] | None:
        if not data:
            await self._finish()
            return 1000, ""
        try:
            pcm = self._decoder.push(data)
        except AudioError:
            return 1008, DATA_REASON
        self._hash.update(data)
        self._connection.audio_seconds = self._session.now + len(pcm) / 32_000
        if await self._too_fast():
            return 1008, "Audio came faster than 1.25 times real time."
        await self._perform(self._session.audio(pcm))
        return None

    async def _finish(self) -> None:
        with contextlib.suppress(AudioError):
            await self._perform(self._session.audio(self._decoder.finish()))
        await self._perform(self._session.end())

    async def _too_fast(self) -> bool:
        rate = self._timing.backlog_rate
        if rate is None:
            return False
        allowed = (self._now() - self._opened) * rate + self._timing.backlog_slack
        ahead = self._connection.audio_seconds - allowed
        if ahead <= 0:
            return False
        if not self._timing.backlog_refused:
            await asyncio.sleep(ahead / rate)
            return False
        return True

    async def _perform(self, steps: Iterator[Step]) -> None:
        for step in steps:
            match step:
                case SessionAudio(pcm):
                    await self._recognizer.feed(pcm)
                case Partial():
                    words = self._latest = await self._recognizer.partial()
                    await self._post(self._session.interim(step, words), self._timing.interim_delay)
                case Finish():
                    words = await self._finished(step)
                    await self._post(self._session.final(step, words), self._timing.final_delay)
                case Say(message):
                    await self._post([message], 0.0)

    async def _finished(self, step: Finish) -> tuple[Heard, ...]:
        """A recogniser that needs long for its last words gets interims sent meanwhile: the client
        must not take the stream for dead.
        """
        finishing = asyncio.create_task(self._recognizer.finish(), name="finish")
        try:
            while not (await asyncio.wait({finishing}, timeout=_SIGN_OF_LIFE))[0]:
                if self._options.interim_results:
                    await self._post(self._session.interim(Partial(step.end), self._latest), 0.0)
            self._latest = ()
            return await finishing
        finally:
            finishing.cancel()

    async def _post(self, messages: Iterable[Json], delay: float) -> None:
        for message in messages:
            text = orjson.dumps(message).decode()
            await self._outbox.put((self._now() + delay, text))

    async def _last_words(self, writer: asyncio.Task[None], sha: str) -> None:
        """Metadata precedes the close in every case (observed)."""
        seconds = self._session.now
        message = metadata(
            self._connection.request_id,
            sha256=sha,
            duration=seconds,
            model=self._options.model if seconds else None,
        )
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LAST_MESSAGES):
                await self._post([message], 0.0)
                await self._outbox.put(None)
                await writer

    async def _write(self) -> None:
        """Each message at its time, never before the one ahead of it."""
        while (item := await self._outbox.get()) is not None:
            due, text = item
            if (wait := due - self._now()) > 0:
                await asyncio.sleep(wait)
            try:
                passed = await self._admission.faults.outbound(self._connection, text)
                if isinstance(passed, str):
                    await self._ws.send_str(passed)
                elif passed is not None:
                    await self._ws.send_bytes(passed)
            except Reset:
                self._connection.reset()
            except ConnectionError:
                continue  # `_read` sees the end; meanwhile keep emptying the outbox
