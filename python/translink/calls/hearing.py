"""What one ear hears: the other talker's own voice or its translation, how far behind, and what it
was played.

Theory of operation
    An ear may be switched in mid-call between the translation and the talker's own voice
    (`through`). Not a word may be lost by it, so it is decided for each segment by when it was said:
    one that was said wholly while the ear heard the talker themselves is shown as text and not
    translated; any other one is spoken, also where the ear has heard a part of it already. The
    talker's voice gets loud within 300 ms and soft within 50 ms of the switch; within that the words
    count as not heard.

    While an ear is `through` recognition goes on: the words are shown, and on the way back the first
    word is heard whole. Translation and voice are not asked.
"""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from translink.settings.lag import Original

LOUD_AFTER = 0.4
"""Seconds from the switch to `through` until the talker is heard as loud as they are."""
SOFT_BEFORE = 0.1
"""Seconds before the switch back within which words may have been cut off: what waits in the mix."""
ENOUGH_SOUND = 55.0
"""Seconds of sound that wait for an ear, of the 60 that it holds, from which on no voice is asked for
more. What is asked sooner is heard no sooner, and until the ear had taken it, it would keep one of
the places for speech that all calls share."""
SWITCHES_KEPT = 32
UTTERANCES_KEPT = 64
"""As many as the engine has waiting in an ear."""


@dataclass(slots=True)
class ToldText:
    """An utterance in an ear."""

    number: int
    text: str
    began: float
    ended: float = math.inf
    """Infinite while it goes on."""


class PlayedTexts:
    """What an ear was played: texts and when they were heard (monotonic seconds)."""

    def __init__(self) -> None:
        self._heard: deque[ToldText] = deque(maxlen=UTTERANCES_KEPT)

    def begin(self, number: int, text: str, at: float) -> None:
        """Utterance `number` began to be heard."""
        self._heard.append(ToldText(number, text, at))

    def end(self, number: int, at: float) -> None:
        """It was heard to its end, or flushed."""
        for utterance in reversed(self._heard):
            if utterance.number == number:
                utterance.ended = at
                return

    def between(self, start: float, end: float) -> list[ToldText]:
        """All that was heard, even in part, within these times."""
        return [each for each in self._heard if each.began <= end and each.ended >= start]


class Hearing:
    """One ear, for as long as its leg is open."""

    def __init__(
        self,
        original: Original = "replace",
        *,
        behind: Callable[[], float] = lambda: 0.0,
        queued: Callable[[], float] = lambda: 0.0,
        echo: Callable[[], float | None] = lambda: None,
    ) -> None:
        """`queued()` = seconds of sound that wait for the ear; `behind()` = seconds that it would be busy
        with them; `echo()` = after how many seconds what it hears comes back through its microphone;
        0 = it does not, as far as is known, None = nobody wants to know."""
        self.original: Original = original
        self.played = PlayedTexts()
        self.behind = behind
        self.queued = queued
        self.echo = echo
        self._through: deque[tuple[float, float]] = deque(maxlen=SWITCHES_KEPT)
        """From when to when the ear heard the talker themselves, the last one perhaps still."""
        self.switch(original, -math.inf)

    def switch(self, original: Original, now: float) -> None:
        """The ear hears this from now on (monotonic seconds)."""
        was, self.original = self.original, original
        through = bool(self._through) and self._through[-1][1] == math.inf
        if original == "through" and not through:
            self._through.append((now + LOUD_AFTER, math.inf))
        elif original != "through" and was == "through" and through:
            self._through.append((self._through.pop()[0], now - SOFT_BEFORE))

    async def room(self) -> None:
        """Wait while enough sound waits for it."""
        while self.queued() >= ENOUGH_SOUND:  # noqa: ASYNC110 - the engine counts
            await asyncio.sleep(0.1)

    def heard_itself(self, began: float, ended: float) -> bool:
        """Whether the ear heard all of this in the talker's own voice. A time of 0 is not known."""
        return began > 0 and any(
            start <= began and 0 < ended <= end for start, end in self._through
        )
