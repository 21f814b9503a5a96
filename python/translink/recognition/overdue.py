"""Speech that has waited too long for its final, whatever the stream was asked. Sans-IO.

A talker who does not pause gives no moment to send Finalize, and one who pauses too shortly, again
and again, none to wait for its answer. So speech has an age: from `PRESSING` before it is overdue
the shortest pause is worth a Finalize, and what is overdue is recognised elsewhere.

Some recognisers take their time over a talker who does not pause (nova: windows of 5 s, and a second
for the answer). Once one has, its finals are waited for `MORE` longer than that took.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from translink.results import RATE

if TYPE_CHECKING:
    from translink.recognition.speech_map import SpeechMap

PRESSING = 1.5
"""Seconds."""
MORE = 0.5
SLOWEST_FINAL = 6.5
"""Seconds. A final that was later than that had been forgotten."""
FORGOTTEN = 0.9
"""By which what one late final taught fades with each other one."""
BORDER_REACH = int(1.5 * RATE)
"""Samples before the newest sound among which the border is looked for."""
BORDER = int(0.4 * RATE)
"""A word on the border must have been heard whole."""
OVERDUE_PAUSE = RATE // 10


class Overdue:
    """The oldest speech of a leg that its stream has not made final."""

    def __init__(self, speech: SpeechMap, least: int, patience: float) -> None:
        """`least` = samples of speech that make it worth asking; `patience` in seconds."""
        self._speech = speech
        self._least = least
        self._patience = patience
        self._slowest = 0.0

    def answered(self, covered: int) -> None:
        """A final has come. What it answers began behind `covered`."""
        self._slowest = max(self._slowest * FORGOTTEN, min(self._age(covered), SLOWEST_FINAL))

    def pressing(self, covered: int, idle: float) -> bool:
        """It is time for the answer. `idle` = seconds since the newest frame."""
        return self._age(covered) + idle > self._patience - PRESSING

    def border(self, covered: int, sent: int, idle: float) -> int | None:
        """Below which sample speech is to be recognised elsewhere; None = not yet. Nothing beyond
        `sent`: that the stream has not heard."""
        if self._age(covered) + idle <= max(self._patience, self._slowest + MORE):
            return None
        speech = self._speech
        head = speech.head
        if speech.quiet_for() > 2 * OVERDUE_PAUSE:
            at = speech.between()
        else:
            first = max(covered, head - BORDER_REACH)
            pause = speech.last_pause(first, OVERDUE_PAUSE)
            at = speech.quietest(first, head - BORDER) if pause is None else pause
        at = min(at, sent)
        return at if speech.spoken(covered, at) >= self._least else None

    def _age(self, covered: int) -> float:
        began = self._speech.reached(covered, self._least)
        return 0.0 if began is None else (self._speech.head - began + self._least) / RATE
