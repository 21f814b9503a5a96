"""Recognition by pocketsphinx: a bounded pool of decoder processes.

English is dictation with the phrasebook tried first; the other languages are the phrasebook only
(there is no model of theirs: phrases in the US-English model's phones). One decoder serves one stream or one
recording at a time: 91 MB for English, 8 MB for French, 0.1 to 0.5 of a core while somebody
speaks. About four people talking without pause fill two cores; the pool's bound keeps the machine
alive beyond that (`BusyError`, which the server answers with 429).
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import os
from collections import deque
from collections.abc import Sequence

import orjson

from translink.offline.engines.decoder_process import DecoderProcess
from translink.offline.engines.grammar import grammar
from translink.offline.engines.phrasebook import BOOK_LANGUAGES, PHRASE_LANGUAGES, Phrasebook
from translink.offline.engines.protocols import BusyError, EngineFailed, EngineMissing, Heard
from translink.offline.engines.punctuation import finished, punctuated
from translink.offline.engines.vad import PREROLL, EnergyVad
from translink.results import FRAME_BYTES, RATE

INSTALL_POCKETSPHINX = "pip install 'translink[offline]'"
_SPARE_AFTER = 3.0
"""Seconds after a stream took the last ready decoder until another is started."""
_DECODER_PATIENCE = 0.3
"""Seconds an interim is waited for: a machine that is too slow makes late finals, not silence."""


class PocketRecognizers:
    """Implements `RecognizerEngine`. `warm` before use, `close` after."""

    name = "offline-pocketsphinx"

    def __init__(self, book: Phrasebook, *, most: int | None = None) -> None:
        """`most`: decoder processes at once; default: twice the cores, at least four."""
        self._book = book
        self._most = most or max(4, 2 * (os.cpu_count() or 2))
        self._free: list[DecoderProcess] = []
        self._count = 0
        self._configs: dict[str, bytes] = {}
        self._background: set[asyncio.Task[object]] = set()
        self._unawaited: dict[asyncio.Task[DecoderProcess], str] = {}
        """Starts that nobody waits for any more, and of which language."""
        self._closed = False

    def languages(self) -> frozenset[str]:
        """Those that the phrasebook has."""
        return frozenset(code for code in PHRASE_LANGUAGES if any(self._book.wordings(code)))

    async def warm(self, languages: Sequence[str] = BOOK_LANGUAGES) -> None:
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
            decoder = await self._started(language)
        if not any(d.language == language for d in self._free) and self._count < self._most:
            self._prestart(language, _SPARE_AFTER)
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

    async def give_back(self, decoder: DecoderProcess) -> None:
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

    async def abandon(self, decoder: DecoderProcess) -> None:
        """A stream broke off in mid-utterance: its decoder goes, a fresh one comes."""
        await self._discard(decoder)
        if not self._closed:
            self._prestart(decoder.language, 0.0)

    def written(self, language: str) -> dict[str, str]:
        """The phrasebook's own spelling of what was heard."""
        return self._book.written(language)

    def _prestart(self, language: str, after: float) -> None:
        """A spare for the next stream, a little later: starting it takes a core for a second."""

        async def start() -> None:
            await asyncio.sleep(after)
            if self._count < self._most and not any(d.language == language for d in self._free):
                with contextlib.suppress(EngineMissing, EngineFailed, BusyError):
                    self._free.append(await self._start(language))

        task = asyncio.create_task(start(), name=f"prestart-{language}")
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    async def _started(self, language: str) -> DecoderProcess:
        """A new one. A client that gives up waiting must not cost it: the next attempt, which may come
        before it is ready, would begin from nothing."""
        starting = next((task for task, code in self._unawaited.items() if code == language), None)
        if starting is None:
            starting = asyncio.create_task(self._start(language), name=f"start-{language}")
            self._background.add(starting)
            starting.add_done_callback(self._background.discard)
            starting.add_done_callback(self._spared)
        else:
            del self._unawaited[starting]
        try:
            return await asyncio.shield(starting)
        except asyncio.CancelledError:
            self._unawaited[starting] = language
            if starting.done():
                self._spared(starting)
            raise

    def _spared(self, starting: asyncio.Task[DecoderProcess]) -> None:
        """It is over; ready and nobody's, it serves the next."""
        if self._unawaited.pop(starting, None) is None or starting.cancelled():
            return
        if starting.exception() is None:
            self._free.append(starting.result())

    async def _start(self, language: str) -> DecoderProcess:
        if importlib.util.find_spec("pocketsphinx") is None:
            raise EngineMissing(f"pocketsphinx is not installed: {INSTALL_POCKETSPHINX}")
        if self._count >= self._most:
            idle = next((d for d in self._free if d.language != language or not d.alive), None)
            if idle is None:
                raise BusyError(f"all {self._most} offline decoders are taken")
            self._free.remove(idle)
            await self._discard(idle)
        self._count += 1
        decoder = DecoderProcess(language)
        try:
            await decoder.start(self._config(language))
        except BaseException:
            await self._discard(decoder)
            raise
        return decoder

    async def _discard(self, decoder: DecoderProcess) -> None:
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
    """Implements `Recognizer`: drops silence, keeps the audio clock."""

    def __init__(self, pool: PocketRecognizers, decoder: DecoderProcess) -> None:
        self._pool = pool
        self._decoder: DecoderProcess | None = decoder
        self._written = pool.written(decoder.language)
        self._vad = EnergyVad()
        self._before: deque[bytes] = deque(maxlen=PREROLL)
        self._rest = b""
        self._samples = 0
        self._opened: int | None = None
        """First sample of the open utterance."""
        self._asked: asyncio.Task[list[list[object]]] | None = None
        """The question for an interim that was not answered in time."""
        self._latest: tuple[Heard, ...] = ()

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
        """As it comes, without punctuation. A decoder that lags behind is not waited for: then this
        is what it said last.
        """
        opened = self._opened
        if opened is None:
            return ()
        if self._asked is None:
            self._asked = asyncio.create_task(self._process().ask(b"P"), name="interim")
        done, _ = await asyncio.wait({self._asked}, timeout=_DECODER_PATIENCE)
        if done:
            self._latest = self._placed(await self._answered(), opened)
        return self._latest

    async def finish(self) -> tuple[Heard, ...]:
        """Punctuated: as the phrasebook writes it, else by a capital and a mark."""
        await self._answered()
        opened, self._opened, self._latest = self._opened, None, ()
        if opened is None:
            return ()
        words = self._placed(await self._process().ask(b"F"), opened)
        language = self._process().language
        return punctuated(words, self._written) or finished(words, language)

    async def close(self) -> None:
        """Give the process back to the pool, or end it if it is still busy with what nobody awaits."""
        decoder, self._decoder = self._decoder, None
        if decoder is None:
            return
        asked, self._asked = self._asked, None
        if asked is not None:
            asked.cancel()
            await asyncio.gather(asked, return_exceptions=True)
        if self._opened is None and asked is None:
            await self._pool.give_back(decoder)
        else:
            await self._pool.abandon(decoder)

    async def _answered(self) -> list[list[object]]:
        asked, self._asked = self._asked, None
        return [] if asked is None else await asked

    def _process(self) -> DecoderProcess:
        if self._decoder is None:
            raise EngineFailed("the recogniser is closed")
        return self._decoder

    def _placed(self, words: list[list[object]], opened: int) -> tuple[Heard, ...]:
        offset = opened / RATE
        return tuple(
            Heard(str(text), offset + float(str(start)), offset + float(str(end)), float(str(sure)))
            for text, start, end, sure in words
        )
