"""A finished piece of audio recognised by a stream: for when the prerecorded API is down and the
streaming API is not."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from translink.errors import ProviderError
from translink.events import RATE, Result
from translink.feed import PACE, SLACK

if TYPE_CHECKING:
    from translink.providers import LiveStream, LiveTranscriber

CHUNK = RATE // 5 * 2
"""Bytes per message: 200 ms."""


class Restream:
    """Sends a piece into a stream of its own, at the pace a backlog is allowed. Implements
    `Transcriber`."""

    def __init__(self, live: LiveTranscriber) -> None:
        self.name = live.name
        self._live = live

    async def transcribe(self, pcm: bytes, language: str) -> Result:
        """All finals of the piece as one. Takes at least its length divided by 1.25; raises
        `ProviderError`."""
        stream = await self._live.connect(language)
        sending = asyncio.create_task(self._send(stream, pcm))
        finals: list[Result] = []
        try:
            finals.extend([e async for e in stream if isinstance(e, Result) and e.final])
            await sending
        except ProviderError:
            stream.abort()
            raise
        finally:
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)
            stream.abort()
        return Result(
            start=0,
            end=len(pcm) // 2,
            text=" ".join(final.text for final in finals if final.text),
            words=tuple(word for final in finals for word in final.words),
            final=True,
            received=time.monotonic(),
            source=self.name,
        )

    async def _send(self, stream: LiveStream, pcm: bytes) -> None:
        began = time.monotonic()
        for at in range(0, len(pcm), CHUNK):
            due = began + (at / 2 / RATE - SLACK) / PACE
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            await stream.send(pcm[at : at + CHUNK])
        await stream.close()
