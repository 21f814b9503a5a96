"""Recognition by Whisper: open dictation in all its languages, on pieces cut at pauses.

Whisper knows no streams: an utterance is heard when it is over, and there are no interims. `ListenTiming`
has one over after 14 s at the latest; a window of Whisper's is 30 s. One process holds the model (base:
0.3 GB) and takes one utterance at a time, the others wait: on a machine that is busy, or with many
talkers, words come late, and beyond the bound of streams it answers 429.
"""

from __future__ import annotations

import asyncio
import importlib.util
from collections import deque
from collections.abc import Mapping, Sequence

import orjson

from translink.offline.engines.decoder_process import DecoderProcess
from translink.offline.engines.protocols import BusyError, EngineFailed, EngineMissing, Heard
from translink.offline.engines.vad import PREROLL, EnergyVad
from translink.results import FRAME_BYTES, RATE

INSTALL_WHISPER = "pip install 'translink[whisper]'"
_WHISPER_CODES = """
    af ar az be bg bn bs ca cs cy da de el en es et fa fi fr gl gu he hi hr hu hy id is it ja ka kk km kn ko
    lt lv mk ml mn mr ms my ne nl no pa pl ps pt ro ru sd si sk sl so sq sr sv sw ta te th tl tr uk ur uz vi
    yi zh
"""
WHISPER_LANGUAGES = frozenset(_WHISPER_CODES.split())
"""What its multilingual models hear, rare ones left out."""
WHISPER_LOADS = 900.0
"""Seconds that a start may take, which fetches a model that is named and not there."""
_WHISPER_ANSWER = 60.0
"""Seconds that one utterance may take."""


def has_whisper() -> bool:
    """Whether the extra `translink[whisper]` is installed."""
    return importlib.util.find_spec("faster_whisper") is not None


class WhisperRecognizers:
    """Implements `RecognizerEngine`. `warm` before use, `close` after."""

    name = "offline-whisper"

    def __init__(self, model: str, *, most: int | None = None) -> None:
        """`model`: a folder, or the name of a model that is fetched once when it is needed. `most`:
        streams and recordings at once."""
        self._config = orjson.dumps({"model": model})
        self._most = most or 4
        self._open = 0
        self._decoder: DecoderProcess | None = None
        self._lock = asyncio.Lock()

    def languages(self) -> frozenset[str]:
        """All of Whisper's."""
        return WHISPER_LANGUAGES

    async def warm(self) -> None:
        """Load the model. Raises `EngineMissing`, `EngineFailed`."""
        async with self._lock:
            await self._ready()

    async def open(self, language: str) -> WhisperRecognizer:
        """Raises `BusyError`, `EngineMissing`."""
        if not has_whisper():
            raise EngineMissing(f"faster-whisper is not installed: {INSTALL_WHISPER}")
        if self._open >= self._most:
            raise BusyError(f"all {self._most} offline recognisers are taken")
        self._open += 1
        return WhisperRecognizer(self, language)

    async def hear(self, pcm: bytes, language: str) -> tuple[Heard, ...]:
        """One utterance, times from its first sample. Raises `EngineFailed`, `EngineMissing`."""
        words = await self._asked(b"F", pcm, language)
        return tuple(
            Heard(str(text), float(str(start)), float(str(end)), float(str(sure)))
            for text, start, end, sure in words
        )

    async def detect(self, pcm: bytes, languages: Sequence[str]) -> Mapping[str, float]:
        """How likely each of `languages` is, of the first 30 s. Raises as `hear`."""
        found = await self._asked(b"D", pcm, "")
        likely = {str(code): float(str(share)) for code, share in found if code in languages}
        total = sum(likely.values())
        return {code: share / total for code, share in likely.items()} if total > 0 else {}

    async def close(self) -> None:
        """Stop the process. Idempotent."""
        decoder, self._decoder = self._decoder, None
        if decoder is not None:
            await decoder.stop()

    def given_back(self) -> None:
        """A stream or recording is over."""
        self._open -= 1

    async def _asked(self, what: bytes, pcm: bytes, language: str) -> list[list[object]]:
        await self._lock.acquire()
        question = asyncio.create_task(self._question(what, pcm, language), name="whisper")
        question.add_done_callback(self._done)
        # Nobody may wait for it any more: half a question would be the next one's, and a process that
        # is ended must load the model again.
        return await asyncio.shield(question)

    def _done(self, question: asyncio.Task[list[list[object]]]) -> None:
        self._lock.release()
        if not question.cancelled():
            question.exception()  # perhaps nobody waits for it

    async def _question(self, what: bytes, pcm: bytes, language: str) -> list[list[object]]:
        decoder = await self._ready()
        await decoder.send(b"L", language.encode())
        await decoder.send(b"A", pcm)
        return await decoder.ask(what)

    async def _ready(self) -> DecoderProcess:
        if not has_whisper():
            raise EngineMissing(f"faster-whisper is not installed: {INSTALL_WHISPER}")
        if self._decoder is None or not self._decoder.alive:
            decoder = DecoderProcess(
                "", module="whisper_decoder", start=WHISPER_LOADS, answer=_WHISPER_ANSWER
            )
            await decoder.start(self._config)
            self._decoder = decoder
        return self._decoder


class WhisperRecognizer:
    """Implements `Recognizer`: keeps the open utterance, and the audio clock."""

    def __init__(self, engine: WhisperRecognizers, language: str) -> None:
        self._engine: WhisperRecognizers | None = engine
        self._language = language
        self._vad = EnergyVad()
        self._before: deque[bytes] = deque(maxlen=PREROLL)
        self._rest = b""
        self._samples = 0
        self._opened: int | None = None
        """First sample of the open utterance."""
        self._speech = bytearray()

    async def feed(self, pcm: bytes) -> None:
        """Speech is kept, with 300 ms before it."""
        data = self._rest + pcm
        whole = len(data) - len(data) % FRAME_BYTES
        self._rest = data[whole:]
        for at in range(0, whole, FRAME_BYTES):
            frame = data[at : at + FRAME_BYTES]
            self._samples += FRAME_BYTES // 2
            self._vad.push(frame)
            if self._opened is not None:
                self._speech += frame
                continue
            self._before.append(frame)
            if self._vad.active:
                self._opened = self._samples - len(self._before) * FRAME_BYTES // 2
                self._speech = bytearray(b"".join(self._before))
                self._before.clear()

    async def partial(self) -> tuple[Heard, ...]:
        """Nothing: Whisper hears what is over."""
        return ()

    async def finish(self) -> tuple[Heard, ...]:
        """As Whisper writes it: with capitals and punctuation."""
        opened, self._opened = self._opened, None
        pcm, self._speech = bytes(self._speech), bytearray()
        if opened is None:
            return ()
        if self._engine is None:
            raise EngineFailed("the recogniser is closed")
        first, end = opened / RATE, self._samples / RATE
        heard = await self._engine.hear(pcm, self._language)
        return tuple(
            Heard(word.text, first + word.start, min(first + word.end, end), word.confidence)
            for word in heard
        )

    async def close(self) -> None:
        """What was not finished is dropped."""
        engine, self._engine = self._engine, None
        if engine is not None:
            engine.given_back()
