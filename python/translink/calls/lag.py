"""How far an ear is behind in a call, and what is done about it beyond speaking faster.

*Behind* is how long the ear would be busy with what waits for it, as fast as it would be said. The
engine keeps it small by speaking faster (`settings.lag.curve`). What is here is off by default:

* from `ask_for_pause` seconds on the talker hears a soft tone, every `TONE_PAUSE` seconds for as long
  as they talk. It is an utterance of its own in their ear and waits until nothing else is said there;
* from `leave_out` seconds on a whole segment is left out when its turn to be spoken comes: it was
  translated, is shown, and is counted as skipped.

Neither is done for an ear that hears the original first (`consecutive`): it is behind because it
was asked to wait.
"""

from __future__ import annotations

import array
import functools
import math
from typing import Literal

from translink.calls.hearing import Hearing
from translink.observe.stages import Histogram
from translink.results import RATE
from translink.settings.lag import LagSettings

TONE_PAUSE = 5.0
"""Seconds between two tones."""
TALKING = RATE
"""Samples of silence after which a talker is not asked to pause any more."""
Instead = Literal["captions", "skipped"]
"""Why a translation is not spoken: the ear wants text only, or is too far behind."""


class Lag:
    """One ear in one call."""

    def __init__(self, hearing: Hearing, settings: LagSettings | None = None) -> None:
        self.hearing = hearing
        self._settings = settings or LagSettings()
        self._seen = Histogram()
        self._tone_at = -math.inf

    @property
    def most(self) -> float:
        """Seconds that it was behind at most, as far as was looked."""
        return self._seen.max

    @property
    def p95(self) -> float:
        """Seconds that it was not behind by more for 95 % of the time."""
        return self._seen.quantile(0.95)

    def look(self, behind: float) -> None:
        """Take a reading. Call it at even intervals: quantiles are over time."""
        self._seen.observe(behind)

    def instead(self) -> Instead | None:
        """What is done with a translation whose turn it is, other than speaking it."""
        if self.hearing.original == "captions":
            return "captions"
        limit = self._settings.leave_out
        if limit and self.hearing.original != "consecutive" and self.hearing.behind() >= limit:
            return "skipped"
        return None

    def asks(self, now: float, behind: float, quiet_for: int) -> bool:
        """Whether the talker, silent for so many samples, should hear the tone now."""
        limit = self._settings.ask_for_pause
        if (
            not limit
            or behind < limit
            or self.hearing.original == "consecutive"
            or quiet_for > TALKING
            or now - self._tone_at < TONE_PAUSE
        ):
            return False
        self._tone_at = now
        return True


@functools.cache
def tone() -> bytes:
    """Two soft notes, falling, 0.3 s at -26 dBFS, s16le."""
    samples = array.array("h")
    length = RATE * 15 // 100
    for pitch in (660.0, 550.0):
        for n in range(length):
            envelope = math.sin(math.pi * n / length)
            samples.append(round(1_640 * envelope * math.sin(2 * math.pi * pitch * n / RATE)))
    return samples.tobytes()
