"""Recognition by pocketsphinx: a bounded pool of decoder processes.

English is dictation with the phrasebook tried first; French is the phrasebook only (there is no
French model: phrases in the US-English model's phones). One decoder serves one stream or one
recording at a time: 91 MB for English, 8 MB for French, 0.1 to 0.5 of a core while somebody
speaks. About four people talking without pause fill two cores; the pool's bound keeps the machine
alive beyond that (`BusyError`, which the server answers with 429).
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import os
import struct
import sys
from collections import deque
from collections.abc import Sequence

import orjson

from translink.offline.engines import BusyError, EngineFailed, EngineMissing, Heard
from translink.offline.grammar import grammar
from translink.offline.phrasebook import Phrasebook
from translink.offline.processes import end
from translink.offline.punctuation import finished, punctuated
from translink.offline.vad import FRAME_BYTES, RATE, EnergyVad

INSTALL = "pip install pocketsphinx"
LANGUAGES = ("en", "fr")
_PREROLL = 15
"""Frames (300 ms) before the detector's opening that belong to the utterance."""
_START = 60.0
"""Seconds a decoder may take to be ready; the first ever makes the French dictionary."""
_SPARE_AFTER = 3.0
"""Seconds after a stream took the last ready decoder until another is started."""
_ANSWER = 20.0
"""Seconds a decoder may take to answer before it is taken for dead."""


class PocketRecognizers:
    """Implements `RecognizerEngine`. `warm` before use, `close` after."""

    name = "offline-pocketsphinx"

    def __init__(self, book: Phrasebook, *, most: int | None = None) -> None:
        """`most`: decoder processes at once; default: twice the cores, at least four."""
        self._book = book
        self._most = most or max(4, 2 * (os.cpu_count() or 2))
        self._free: list[_Decoder] = []
        self._count = 0
        self._configs: dict[str, bytes] = {}
        self._background: set[asyncio.Task[None]] = set()
        self._closed = False

    def languages(self) -> frozenset[str]:
        """English and French."""
        return frozenset(LANGUAGES)

    async def warm(self, languages: Sequence[str] = LANGUAGES) -> None:
        """Start one decoder per language ahead, so that the first utterance is not late.

        Raises `EngineMissing`.
        """
        started = await asyncio.gather(*(self._start(code) for code in languages))
        self._free += started

    async def open(self, language: str) -> PocketRecognizer:
        """Raises `BusyError`, `EngineMissing`, `EngineFailed`."""
        for decoder in self._free:
            if decoder.language == language and decoder.alive:
                self._free.remove(decoder)
                break
        else:
            decoder = await self._start(language)
        if not any(d.language == language for d in self._free) and self._count < self._most:
            self._prestart(language)
        return PocketRecognizer(self, decoder)

    async def close(self) -> None:
        """Stop every process. Idempotent."""
        self._closed = True
        for task in tuple(self._background):
            task.cancel()
        await asyncio.gather(*self._background, return_exceptions=True)
        free, self._free = self._free, []
        for decoder in free:
            await self._discard(decoder)

    async def give_back(self, decoder: _Decoder) -> None:
        """A stream is over; its decoder serves the next one."""
        if self._closed or not decoder.alive:
            await self._discard(decoder)
            return
        try:
            await decoder.send(b"R", b"")
        except EngineFailed:
            await self._discard(decoder)
            return
        self._free.append(decoder)

    def written(self, language: str) -> dict[str, str]:
        """The phrasebook's own spelling of what was heard."""
        return self._book.written(language)

    def _prestart(self, language: str) -> None:
        """A spare for the next stream, a little later: starting it takes a core for a second."""

        async def start() -> None:
            await asyncio.sleep(_SPARE_AFTER)
            if self._count < self._most and not any(d.language == language for d in self._free):
                with contextlib.suppress(EngineMissing, EngineFailed, BusyError):
                    self._free.append(await self._start(language))

        task = asyncio.create_task(start(), name=f"prestart-{language}")
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    async def _start(self, language: str) -> _Decoder:
        if importlib.util.find_spec("pocketsphinx") is None:
            raise EngineMissing(f"pocketsphinx is not installed: {INSTALL}")
        if self._count >= self._most:
            idle = next((d for d in self._free if d.language != language or not d.alive), None)
            if idle is None:
                raise BusyError(f"all {self._most} offline decoders are taken")
            self._free.remove(idle)
            await self._discard(idle)
        self._count += 1
        decoder = _Decoder(language)
        try:
            await decoder.start(self._config(language))
        except BaseException:
            await self._discard(decoder)
            raise
        return decoder

    async def _discard(self, decoder: _Decoder) -> None:
        self._count -= 1
        await decoder.stop()

    def _config(self, language: str) -> bytes:
        if language not in self._configs:
            self._configs[language] = orjson.dumps(
                {
                    "language": language,
                    "phrases": grammar(self._book, language),
                    "dictation": language == "en",
                }
            )
        return self._configs[language]


class PocketRecognizer:
    """Implements `Recognizer`: gates silence away, keeps the audio clock."""

    def __init__(self, pool: PocketRecognizers, decoder: _Decoder) -> None:
        self._pool = pool
        self._decoder: _Decoder | None = decoder
        self._written = pool.written(decoder.language)
        self._vad = EnergyVad()
        self._before: deque[bytes] = deque(maxlen=_PREROLL)
        self._rest = b""
        self._samples = 0
        self._opened: int | None = None
        """First sample of the open utterance."""

    async def feed(self, pcm: bytes) -> None:
        """Only speech, with 300 ms before it, goes to the decoder."""
        data = self._rest + pcm
        whole = len(data) - len(data) % FRAME_BYTES
        self._rest = data[whole:]
        out = []
        for at in range(0, whole, FRAME_BYTES):
            frame = data[at : at + FRAME_BYTES]
            self._samples += FRAME_BYTES // 2
            self._vad.push(frame)
            if self._opened is not None:
                out.append(frame)
                continue
            self._before.append(frame)
            if self._vad.active:
                self._opened = self._samples - len(self._before) * FRAME_BYTES // 2
                out += self._before
                self._before.clear()
        if out:
            await self._process().send(b"A", b"".join(out))

    async def partial(self) -> tuple[Heard, ...]:
        """As it comes, without punctuation."""
        if self._opened is None:
            return ()
        return self._placed(await self._process().ask(b"P"), self._opened)

    async def finish(self) -> tuple[Heard, ...]:
        """Punctuated: as the phrasebook writes it, else by a capital and a mark."""
        opened, self._opened = self._opened, None
        if opened is None:
            return ()
        words = self._placed(await self._process().ask(b"F"), opened)
        language = self._process().language
        return punctuated(words, self._written) or finished(words, language)

    async def close(self) -> None:
        """Give the process back to the pool."""
        decoder, self._decoder = self._decoder, None
        if decoder is None:
            return
        if self._opened is not None:
            with contextlib.suppress(EngineFailed):
                await decoder.ask(b"F")
        await self._pool.give_back(decoder)

    def _process(self) -> _Decoder:
        if self._decoder is None:
            raise EngineFailed("the recogniser is closed")
        return self._decoder

    def _placed(self, words: list[list[object]], opened: int) -> tuple[Heard, ...]:
        offset = opened / RATE
        return tuple(
            Heard(str(text), offset + float(str(start)), offset + float(str(end)), float(str(sure)))
            for text, start, end, sure in words
        )


class _Decoder:
    """The parent's side of one process."""

    def __init__(self, language: str) -> None:
        self.language = language
        self._process: asyncio.subprocess.Process | None = None
        self._lock = asyncio.Lock()

    @property
    def alive(self) -> bool:
        """Whether it may still be asked."""
        return self._process is not None and self._process.returncode is None

    async def start(self, config: bytes) -> None:
        """Returns when it is ready to hear. Raises `EngineFailed`."""
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "translink.offline.decoder",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        await self.send(b"C", config)
        await self._receive(_START)

    async def send(self, letter: bytes, payload: bytes) -> None:
        """Waits while the pipe is full: a decoder that lags behind slows its stream, nobody else."""
        process = self._process
        if process is None or process.stdin is None:
            raise EngineFailed("the decoder is gone")
        try:
            process.stdin.write(struct.pack("<cI", letter, len(payload)) + payload)
            async with asyncio.timeout(_ANSWER):
                await process.stdin.drain()
        except (OSError, TimeoutError) as error:
            await self.stop()
            raise EngineFailed("the decoder died") from error

    async def ask(self, letter: bytes) -> list[list[object]]:
        """A request that is answered with words."""
        async with self._lock:
            await self.send(letter, b"")
            answer = await self._receive(_ANSWER)
        return answer if isinstance(answer, list) else []

    async def stop(self) -> None:
        """Kill it. Idempotent."""
        process, self._process = self._process, None
        if process is not None:
            await end(process)

    async def _receive(self, limit: float) -> object:
        process = self._process
        if process is None or process.stdout is None:
            raise EngineFailed("the decoder is gone")
        try:
            async with asyncio.timeout(limit):
                (length,) = struct.unpack("<I", await process.stdout.readexactly(4))
                return orjson.loads(await process.stdout.readexactly(length))
        except (OSError, TimeoutError, asyncio.IncompleteReadError) as error:
            await self.stop()
            raise EngineFailed("the decoder died") from error
        except BaseException:
            await self.stop()  # a question cancelled half-way leaves an answer that nobody awaits
            raise
