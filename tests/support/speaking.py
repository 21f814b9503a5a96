"""An ear that plays in virtual time, and translators and voices that follow a script."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import cast

from tests.fakes.media import FakePlayout
from translink._core import Playout
from translink.errors import Kind, ProviderError
from translink.providers.breaker import Breaker
from translink.providers.protocols import LiveStream
from translink.providers.services import Services
from translink.results import Result, Translation

TICK = 640
"""Bytes played every 20 ms."""
WORD = 5 * TICK
"""Bytes of one spoken word: 100 ms."""


def provider_error(message: str = "down", kind: Kind = Kind.TRANSIENT) -> ProviderError:
    return ProviderError(message, provider="fake", kind=kind)


def sound(word: str) -> bytes:
    """A word as audio: readable in what the ear heard."""
    return word.encode().ljust(WORD, b"\0")


@dataclass
class _Queued:
    number: int
    pcm: bytearray = field(default_factory=bytearray)
    heard: bytearray = field(default_factory=bytearray)
    ended: bool = False


class FakeEar:
    """One leg's playout queue: 640 bytes every 20 ms, utterances one after another."""

    def __init__(self, capacity: int = 60 * 32_000, deaf: bool = False) -> None:
        self.tell: Callable[[Playout], None] = lambda step: None
        self.capacity = capacity
        self.deaf = deaf
        """Never plays anything."""
        self.withheld: set[str] = set()
        """Kinds of steps that get lost on their way."""
        self.heard: list[str] = []
        """What was said, one string per utterance, in the order of playing."""
        self.most = 0
        """Most utterances that ever waited."""
        self.utterances: list[int] = []
        self._queue: deque[_Queued] = deque()
        self._ticking = False

    def play(self, utterance: int, pcm: bytes, last: bool = False) -> int:
        accepted = min(len(pcm), self.capacity - sum(len(each.pcm) for each in self._queue))
        entry = next((each for each in self._queue if each.number == utterance), None)
        if entry is None:
            entry = _Queued(utterance)
            self._queue.append(entry)
            self.most = max(self.most, len(self._queue))
        entry.pcm += pcm[:accepted]
        entry.ended |= last and accepted == len(pcm)
        if not self._ticking and not self.deaf:
            self._ticking = True
            asyncio.get_running_loop().call_soon(self._tick)
        return accepted

    def flush(self) -> None:
        while self._queue:
            entry = self._queue.popleft()
            self._step(entry, "flushed", len(entry.pcm))

    def _tick(self) -> None:
        while self._queue and not self._queue[0].pcm and self._queue[0].ended:
            entry = self._queue.popleft()
            self.heard.append(" ".join(entry.heard.replace(b"\0", b" ").decode().split()))
            self._step(entry, "finished")
        if not self._queue or not self._queue[0].pcm:
            self._ticking = False
            return
        entry = self._queue[0]
        if not entry.heard:
            self.utterances.append(entry.number)
            self._step(entry, "started")
        entry.heard += entry.pcm[:TICK]
        del entry.pcm[:TICK]
        asyncio.get_running_loop().call_later(0.02, self._tick)

    def _step(self, entry: _Queued, kind: str, unplayed: int = 0) -> None:
        if kind not in self.withheld:
            step = FakePlayout(entry.number, kind, time.monotonic_ns(), unplayed)
            self.tell(cast("Playout", step))


@dataclass
class Talkers:
    """Providers with a will of their own; `services` is what an interpreter gets."""

    answers: dict[str, float | BaseException] = field(default_factory=dict)
    """By text: seconds the translation takes, or what goes wrong with it (after 100 ms)."""
    delay: float = 0.2
    words: dict[str, str] = field(default_factory=dict)
    """By text: the translation, where it is not the text in capitals."""
    voice_fails: dict[str, tuple[int, BaseException | None]] = field(default_factory=dict)
    """By translation: after how many words the voice stops, and how."""
    slowness: float = 0.05
    """Seconds the voice takes for a word."""
    requests: list[tuple[str, str]] = field(default_factory=list)
    """Text and context of each translation asked for."""
    voiced: list[str] = field(default_factory=list)
    """What a voice was asked for."""
    asking: int = 0
    most_asking: int = 0
    speaking: int = 0
    """Requests for speech under way."""

    def services(self) -> Services:
        return Services(
            live=self,
            breaker=Breaker("fake"),
            transcribe=self.transcribe,
            translate=self.translate,
            speak=self.speak,
        )

    name = "fake"

    async def connect(self, language: str) -> LiveStream:
        raise provider_error()

    async def transcribe(self, pcm: bytes, language: str) -> Result:
        raise provider_error()

    async def translate(self, text: str, source: str, target: str, context: str) -> Translation:
        self.requests.append((text, context))
        self.asking += 1
        self.most_asking = max(self.most_asking, self.asking)
        answer = self.answers.get(text, self.delay)
        try:
            if isinstance(answer, BaseException):
                await asyncio.sleep(0.1)
                raise answer
            await asyncio.sleep(answer)
        finally:
            self.asking -= 1
        return Translation(self.words.get(text, text.upper()), "fake", answer)

    async def speak(self, text: str, language: str, voice: str | None) -> AsyncIterator[bytes]:
        self.voiced.append(text)
        limit, how = self.voice_fails.get(text, (1_000_000, None))
        self.speaking += 1
        try:
            for number, word in enumerate(text.split()):
                await asyncio.sleep(self.slowness)
                if number == limit:
                    break
                yield sound(word)
            if how is not None:
                raise how
        finally:
            self.speaking -= 1
