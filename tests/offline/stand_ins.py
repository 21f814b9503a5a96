"""Trivial engines: a "word" is a burst of noise; its length says nothing, its place everything."""

from __future__ import annotations

import asyncio
from array import array
from collections.abc import AsyncIterator

from translink.offline.engines.protocols import EngineFailed, Heard, Recognizer
from translink.offline.engines.vad import EnergyVad

RATE = 16_000


class BurstRecognizer:
    """Every stretch of loud audio is a word, numbered from the start of the stream."""

    def __init__(self, engine: BurstEngine) -> None:
        self.engine = engine
        self.samples = 0
        self._rest = b""
        self._vad = EnergyVad(hang=2)
        self._number = 0
        self._since: float | None = None
        self._words: list[Heard] = []

    async def feed(self, pcm: bytes) -> None:
        if self.engine.broken:
            raise EngineFailed
        data = self._rest + pcm
        whole = len(data) - len(data) % 640
        self._rest = data[whole:]
        for at in range(0, whole, 640):
            self.samples += 320
            now = self.samples / RATE
            active = self._vad.push(data[at : at + 640])
            if active and self._since is None:
                self._since = now - 0.04
            elif not active and self._since is not None:
                self._words.append(Heard(f"word{self._number}", self._since, now - 0.04, 0.9))
                self._number += 1
                self._since = None

    async def partial(self) -> tuple[Heard, ...]:
        return tuple(self._words)

    async def finish(self) -> tuple[Heard, ...]:
        words, self._words = tuple(self._words), []
        return words

    async def close(self) -> None:
        self.engine.closed += 1
        if self.engine.closed == self.engine.opened:
            self.engine.all_closed.set()


class BurstEngine:
    name = "bursts"

    def __init__(self) -> None:
        self.opened = 0
        self.closed = 0
        self.all_closed = asyncio.Event()
        self.fail: Exception | None = None
        self.broken = False

    def languages(self) -> frozenset[str]:
        return frozenset({"en", "fr"})

    async def open(self, language: str) -> Recognizer:
        if self.fail is not None:
            raise self.fail
        self.opened += 1
        return BurstRecognizer(self)


class UpperTranslator:
    name = "upper"

    def pairs(self) -> frozenset[tuple[str, str]]:
        return frozenset({("en", "fr"), ("fr", "en")})

    async def translate(self, text: str, source: str, target: str) -> str:
        return text.upper()


class ToneSynthesizer:
    """100 ms of a square wave per letter."""

    name = "tone"

    def languages(self) -> frozenset[str]:
        return frozenset({"en", "fr"})

    async def speak(self, text: str, language: str, rate: int) -> AsyncIterator[bytes]:
        for _ in text:
            yield array("h", [8000, -8000] * (rate // 20)).tobytes()


def burst(seconds: float, level: int = 6000) -> bytes:
    """A square wave of 400 Hz."""
    period = [level] * 20 + [-level] * 20
    return array("h", period * int(seconds * RATE / 40)).tobytes()


def silence(seconds: float) -> bytes:
    return bytes(2 * int(seconds * RATE))
