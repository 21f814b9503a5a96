"""What the offline server asks of its engines: real ones (pocketsphinx or Whisper, apertium, Pico, flite,
espeak-ng) or beacons.

An engine never runs in the server's event loop for more than a few milliseconds: it lives in a
process or a thread of its own and these methods await it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable


class EngineMissing(Exception):
    """This machine lacks a program or a package; the message names it and the command that installs
    it.
    """


@dataclass(frozen=True, slots=True)
class Heard:
    """One word with its times in seconds of audio fed to this recogniser."""

    text: str
    start: float
    end: float
    confidence: float = 1.0


class Recognizer(Protocol):
    """Listens to one stream of 16 kHz s16le mono audio. Knows nothing of Deepgram's messages.

    The caller (the `/v1/listen` session) finds the ends of utterances and calls `finish` there.
    """

    async def feed(self, pcm: bytes) -> None:
        """More audio, any even length."""

    async def partial(self) -> tuple[Heard, ...]:
        """Words of the open utterance so far; the next call may revise them."""

    async def finish(self) -> tuple[Heard, ...]:
        """Close the open utterance and return its words; the audio clock goes on."""

    async def close(self) -> None:
        """Give the engine back. Idempotent."""


class RecognizerEngine(Protocol):
    """Makes recognisers, one for each stream."""

    name: str
    """Shown as the model's name, as in `offline-pocketsphinx`."""

    def languages(self) -> frozenset[str]:
        """Two-letter codes it can hear on this machine."""

    async def open(self, language: str) -> Recognizer:
        """Raises `EngineMissing`, or `BusyError` when the pool is full (the server then answers
        429).
        """


@runtime_checkable
class DetectorEngine(Protocol):
    """A recogniser that can tell which language is spoken."""

    async def detect(self, pcm: bytes, languages: Sequence[str]) -> Mapping[str, float]:
        """How likely each of `languages` is in 16 kHz s16le mono; together 1. Empty: it heard none.
        Raises `EngineMissing`, `EngineFailed`."""


class BusyError(Exception):
    """All engines of the pool are taken."""


class BeyondEngine(Exception):
    """This text is nothing that the engine knows (the server answers 400; another text may do)."""


class EngineFailed(Exception):
    """An engine broke down at its work (the server answers 500; the next request starts it anew)."""


class TranslatorEngine(Protocol):
    """Translates text from one language to another."""

    name: str

    def pairs(self) -> frozenset[tuple[str, str]]:
        """(source, target) two-letter codes it can do on this machine."""

    async def translate(self, text: str, source: str, target: str) -> str:
        """Raises `EngineMissing`, `EngineFailed`."""


class SynthesizerEngine(Protocol):
    """Makes speech of text: 16 kHz s16le mono."""

    name: str

    def languages(self) -> frozenset[str]:
        """Two-letter codes it can speak on this machine."""

    def speak(self, text: str, language: str, rate: int) -> AsyncIterator[bytes]:
        """Raw s16le mono at `rate`, as it is made. Raises `EngineMissing`, `EngineFailed`, or
        `BusyError` when too many wait (the server then answers 429)."""
