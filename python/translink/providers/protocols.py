"""What translink asks of the services around it. One Protocol per kind; no concrete provider is
named here.

All of them raise `translink.errors.ProviderError` and nothing else for whatever goes wrong outside
(cancellation and programming errors excepted). Each method makes **one attempt**: who is asked
next, when and how often is `breaker`'s business.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Protocol

from translink.results import Result, StreamEvent, Translation


class LiveStream(Protocol):
    """One open streaming connection."""

    async def send(self, pcm: bytes) -> None:
        """Send audio (16 kHz s16le mono, never empty).

        Returns when the bytes are handed to the transport. Raises `ProviderError` when the
        connection is gone. The caller bounds how long it waits (a send blocked for 500 ms means a
        stuck peer).
        """

    def send_now(self, pcm: bytes) -> bool:
        """Send audio if that takes no waiting: True, the transport has it. False: nothing was sent,
        and `send` will wait or tell why. Never raises."""

    async def finalize(self) -> None:
        """Ask for everything sent so far to be made final. An answer is not guaranteed."""

    async def close(self, wait: float = 5.0) -> None:
        """CloseStream: what is still coming is yielded by the iterator, which then stops. Bounded
        by `wait` seconds."""

    def abort(self) -> None:
        """Drop the connection at once, without a word to the peer. Idempotent."""

    def __aiter__(self) -> AsyncIterator[StreamEvent]:
        """Events in order. Stops after a normal close; raises `ProviderError` when the connection
        fails."""


class LiveTranscriber(Protocol):
    """Opens streams to one recogniser."""

    name: str

    async def connect(self, language: str) -> LiveStream:
        """Open a stream; bounded by the transcriber's own connect time-out. KeepAlive is the
        stream's own affair."""


class Transcriber(Protocol):
    """Recognises a finished piece of audio."""

    name: str

    async def transcribe(self, pcm: bytes, language: str) -> Result:
        """16 kHz s16le mono in; one final Result out, samples counted from the beginning of
        `pcm`."""


class Translator(Protocol):
    """Text in, text out."""

    name: str

    async def translate(
        self, text: str, *, source: str, target: str, context: str = ""
    ) -> Translation:
        """Languages as in the settings (`en`, `fr`, `pt-BR`); `context` = what was said before, not
        translated."""


class Synthesizer(Protocol):
    """Text in, sound out."""

    name: str

    def speak(self, text: str, *, language: str) -> AsyncIterator[bytes]:
        """Stream 16 kHz s16le mono PCM as it is made: pieces of any length, always whole samples.

        Closing the iterator (`aclose`) cancels the request.
        """
