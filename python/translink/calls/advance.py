"""One translation and its sound, asked for before it is known that anybody wants them."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from contextlib import aclosing
from typing import TYPE_CHECKING

from translink.calls.voicing import in_time
from translink.errors import ProviderError
from translink.providers.voices import closable
from translink.results import RATE
from translink.text.sayable import sayable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from translink.calls.ahead import Foreseen
    from translink.providers.services import AsksAhead
    from translink.results import Translation

PATIENCE_AHEAD = 1.0
"""Seconds that a translation which was asked ahead may take in all; a segment that wants it later asks
anew."""
MOST_SOUND = 15 * 2 * RATE
"""Bytes that wait for the ear; the voice is read on when there is room. 15 s."""


class Advance:
    """Satisfies `ahead.Begun`. `run` is its task; `confirm` it when its segment has come."""

    def __init__(self, foreseen: Foreseen, asks: AsksAhead) -> None:
        self.failed = False
        """Before it was confirmed. Later failures come out of `sound`."""
        self.asked = time.monotonic()
        self.took = 0.0
        """Seconds that the translation took."""
        self.first_sound = 0.0
        """Seconds from asking the voice to its first sound."""
        self._foreseen = foreseen
        self._asks = asks
        self._confirmed = False
        self._translation: Translation | None = None
        self._answered = asyncio.Event()
        self._sound: deque[bytes] = deque()
        self._waiting = 0
        self._error: ProviderError | None = None
        self._ended = False
        self._moved = asyncio.Event()
        self.task: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Ask the translator, then the voice."""
        foreseen = self._foreseen
        try:
            self._translation = await self._asks.translate(
                foreseen.text, foreseen.language, foreseen.target, foreseen.context
            )
            self.took = time.monotonic() - self.asked
            self._answered.set()
            text = sayable(self._translation.text, foreseen.target)
            if text:
                await self._voice(text)
        except ProviderError as error:
            self.failed = not self._confirmed
            self._error = error
        finally:
            self._ended = True
            self._answered.set()
            self._moved.set()

    def confirm(self) -> None:
        """The segment came: from now on it is a request like any other."""
        self._confirmed = True

    def drop(self) -> None:
        """See `Begun`."""
        if self.task is not None:
            self.task.cancel()
        self._sound.clear()

    async def translation(self) -> Translation | None:
        """The translation, once it is there; None: it failed or is late, ask again."""
        try:
            async with asyncio.timeout(max(0.0, self.asked + PATIENCE_AHEAD - time.monotonic())):
                await self._answered.wait()
        except TimeoutError:
            return self._translation
        return self._translation

    async def sound(self) -> AsyncIterator[bytes]:
        """16 kHz s16le mono, as it comes.

        Raises:
            ProviderError: the voice failed.
        """
        while True:
            while self._sound:
                piece = self._sound.popleft()
                self._waiting -= len(piece)
                self._moved.set()
                yield piece
            if self._ended:
                break
            self._moved.clear()
            await self._moved.wait()
        if self._error is not None:
            raise self._error

    async def _voice(self, text: str) -> None:
        asked = time.monotonic()
        target, voice = self._foreseen.target, self._foreseen.voice
        made = closable(self._asks.speak(text, target, voice, lambda: self._confirmed))
        async with aclosing(made):
            async for pcm in in_time(made, len(text)):
                if pcm and not self.first_sound:
                    self.first_sound = time.monotonic() - asked
                self._sound.append(pcm)
                self._waiting += len(pcm)
                self._moved.set()
                while self._waiting > MOST_SOUND:
                    self._moved.clear()
                    await self._moved.wait()
