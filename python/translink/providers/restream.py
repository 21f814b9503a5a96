"""A finished piece of audio recognised by a stream: for when the prerecorded API is down and the
streaming API is not."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from translink.errors import Kind, ProviderError
from translink.providers.abilities import hears
from translink.providers.expecting import connected
from translink.providers.pace import Pace
from translink.results import RATE, Result

if TYPE_CHECKING:
    from translink.providers.protocols import LiveStream, LiveTranscriber

MESSAGE_BYTES = RATE // 5 * 2
"""Bytes per message: 200 ms."""


class Restream:
    """Sends a piece into a stream of its own, at the pace a backlog is allowed. Implements
    `Transcriber`."""

    def __init__(self, live: LiveTranscriber) -> None:
        self.name = live.name
        self._live = live

    def hears(self, language: str) -> bool:
        """As its stream does."""
        return hears(self._live, language)

    async def transcribe(self, pcm: bytes, language: str) -> Result:
        """Without terms; see `transcribe_expecting`."""
        return await self.transcribe_expecting(pcm, language, ())

    async def transcribe_expecting(
        self, pcm: bytes, language: str, terms: tuple[str, ...]
    ) -> Result:
        """All finals of the piece as one. Takes at least its length divided by 1.25; raises
        `ProviderError`."""
        stream = await connected(self._live, language, terms)
        sent = asyncio.Event()
        sending = asyncio.create_task(_send(stream, pcm, sent), name="restream-send")
        reading = asyncio.create_task(_read(stream, sent, self.name), name="restream-read")
        try:
            await asyncio.wait((sending, reading), return_when=asyncio.FIRST_EXCEPTION)
            # The one that failed first tells why; after that error the other one may wait for ever.
            for task in (reading, sending):
                if task.done():
                    task.result()
            finals = reading.result()
        finally:
            stream.abort()
            for task in (reading, sending):
                task.cancel()
            await asyncio.gather(reading, sending, return_exceptions=True)
        return Result(
            start=0,
            end=len(pcm) // 2,
            text=" ".join(final.text for final in finals if final.text),
            words=tuple(word for final in finals for word in final.words),
            final=True,
            received=time.monotonic(),
            provider=self.name,
        )


async def _send(stream: LiveStream, pcm: bytes, sent: asyncio.Event) -> None:
    pace = Pace(time.monotonic())
    for at in range(0, len(pcm), MESSAGE_BYTES):
        await asyncio.sleep(pace.wait(time.monotonic()))
        message = pcm[at : at + MESSAGE_BYTES]
        await stream.send(message)
        pace.spend(len(message) // 2)
    sent.set()
    await stream.close()


async def _read(stream: LiveStream, sent: asyncio.Event, name: str) -> list[Result]:
    finals = [event async for event in stream if isinstance(event, Result) and event.final]
    if not sent.is_set():
        raise ProviderError(
            "the server ended the stream unasked", provider=name, kind=Kind.TRANSIENT
        )
    return finals
