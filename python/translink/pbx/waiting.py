"""What somebody hears who is on the line alone: a soft note every few seconds, so that they know the
line is alive. Asterisk's packages bring no music on hold."""

from __future__ import annotations

import asyncio
import contextlib
import math
from array import array
from typing import TYPE_CHECKING

from translink.calls.speaker import next_utterance
from translink.results import RATE

if TYPE_CHECKING:
    from translink.media import MediaLeg

NOTES = (440.0, 554.4)
"""Hz, one after the other."""
NOTE_SECONDS = 0.22
PEAK = 900
"""Of 32,767: -31 dB."""
EVERY_SECONDS = 4.0


class WaitingSound:
    """In one ear, from its making until `stop`."""

    def __init__(self, media: MediaLeg) -> None:
        self._media = media
        self._timer: asyncio.TimerHandle | None = None
        self._play()

    def stop(self) -> None:
        """Stop the tone at once. Idempotent."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
            with contextlib.suppress(LookupError, RuntimeError):
                self._media.flush()

    def _play(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(EVERY_SECONDS, self._play)
        with contextlib.suppress(LookupError, RuntimeError):
            self._media.play(next_utterance(), SOUND, last=True)


def _sound() -> bytes:
    count = round(NOTE_SECONDS * RATE)
    samples = array("h")
    for note in NOTES:
        for at in range(count):
            swell = math.sin(math.pi * at / count) ** 2
            samples.append(round(PEAK * swell * math.sin(2 * math.pi * note * at / RATE)))
    return samples.tobytes()


SOUND = _sound()
"""s16le of 16 kHz."""
