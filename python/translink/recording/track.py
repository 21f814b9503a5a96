"""One leg in a recording: its microphone and its ear, put side by side.

It reads what the engine keeps anyway: the ledger (5 s and more of what was said) and the tap of the ear
(5 s). They are the queue between the calls and the disk: bounded, never waited for, and what is overwritten
before it was read is silence in the recording and counted.
"""

from __future__ import annotations

import threading
from array import array
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from translink.recording.alignment import READINGS_WAIT, Alignment, Stretch
from translink.recording.stereo import woven
from translink.results import FRAME, RATE

if TYPE_CHECKING:
    from translink.recognition.speech_map import SpeechMap

PATIENCE_FOR_SAID = 3 * READINGS_WAIT
"""Samples for which a gateway that sends seldom is waited for, before its silence is believed."""
ON_ITS_WAY = RATE // 10
"""What the ear is sent this late is read the next time."""
TAPPED = 5 * RATE
"""What the engine keeps of an ear."""
QUIET_SAMPLE = 256
"""Of 32,768: what is below may be left out where a talker's clock is too fast."""


class RecordedMedia(Protocol):
    """What is read of a leg; see `MediaLeg`."""

    def history(self, start: int, end: int) -> tuple[int, bytes]:
        """What was said."""
        ...

    def heard(self, start: int, end: int) -> tuple[int, bytes]:
        """What its ear was sent."""
        ...


@dataclass(slots=True)
class _Losses:
    said: int = 0
    heard: int = 0


class Track:
    """Read by the thread that writes; `finish` by the loop, before the leg goes."""

    def __init__(self, media: RecordedMedia, speech: SpeechMap, origin: int) -> None:
        """From `origin` (monotonic clock, samples) and the head of `speech` on."""
        self._media = media
        self._speech = speech
        self._lock = threading.Lock()
        self._alignment = Alignment(speech.head, origin)
        self._origin = origin
        self._written = origin
        self._said = bytearray()
        self._heard = bytearray()
        self._heard_to = origin
        self._losses = _Losses()
        self._begun = False
        self._finished = False

    @property
    def seconds(self) -> float:
        """How much of it was handed out."""
        return (self._written - self._origin) / RATE

    @property
    def lost_ms(self) -> float:
        """Sound that is missing."""
        return (self._losses.said + self._losses.heard) * 1000 / RATE

    def look(self) -> None:
        """Note when the newest sound came. Several times a second."""
        speech = self._speech
        head = speech.head
        if came := speech.captured(head):
            with self._lock:
                self._alignment.note(head, round(came * RATE))

    def take(self, now: int) -> bytes:
        """What can be written by `now` (monotonic clock, samples): stereo, joining on to what came before."""
        with self._lock:
            if self._finished:
                return b""
            self._read_heard(now - ON_ITS_WAY)
            for stretch in self._alignment.settled(now):
                self._read_said(stretch)
            known = self._written + len(self._said) // 2
            return self._weave(min(now - READINGS_WAIT, max(known, now - PATIENCE_FOR_SAID)))

    def finish(self, now: int) -> bytes:
        """The rest, when the recording ends: everything up to `now`."""
        self.look()
        with self._lock:
            if self._finished:
                return b""
            self._finished = True
            until = now + FRAME  # what was just sent is still being heard
            self._read_heard(until)
            for stretch in self._alignment.rest():
                self._read_said(stretch)
            return self._weave(max(until, self._written + len(self._said) // 2))

    def _weave(self, until: int) -> bytes:
        length = until - self._written
        if length <= 0:
            return b""
        left, right = (_cut(waiting, 2 * length) for waiting in (self._said, self._heard))
        self._written = until
        self._alignment.skip(until)
        return woven(left, right)

    def _read_said(self, stretch: Stretch) -> None:
        self._said += bytes(2 * stretch.gap)
        try:
            first, pcm = self._media.history(stretch.start, stretch.end)
        except (LookupError, RuntimeError, MemoryError):
            first, pcm = stretch.start, b""  # the leg is gone
        length = stretch.end - stretch.start
        missing = length - len(pcm) // 2
        before = min(missing, max(0, first - stretch.start))
        # Before its first sample there is nothing: a call may begin with frames that were forgotten.
        self._losses.said += missing - (0 if self._begun else before)
        self._begun = True
        whole = bytes(2 * before) + pcm + bytes(2 * (missing - before))
        if stretch.late:
            whole = self._hurried(whole, stretch.late)
        self._said += whole

    def _hurried(self, pcm: bytes, late: int) -> bytes:
        """Without some of its silence: the recording is behind."""
        samples = array("h", pcm)
        loud = next(
            (n for n, each in enumerate(samples) if not -QUIET_SAMPLE < each < QUIET_SAMPLE),
            len(samples),
        )
        cut = min(late, loud) if loud >= FRAME else 0  # in a pause, and not in a soft sound
        self._alignment.trimmed(cut)
        return samples[cut:].tobytes()

    def _read_heard(self, until: int) -> None:
        if until <= self._heard_to:
            return
        try:
            first, pcm = self._media.heard(self._heard_to, until)
        except (LookupError, RuntimeError, MemoryError):
            first, pcm = until, b""
        overrun = max(0, until + ON_ITS_WAY - TAPPED - self._heard_to)
        if pcm:
            self._losses.heard += min(overrun, max(0, first - self._heard_to))
            self._heard += bytes(2 * max(0, first - self._heard_to)) + pcm
        missing = until - self._written - len(self._heard) // 2
        self._heard += bytes(2 * max(0, missing))
        self._heard_to = until


def _cut(waiting: bytearray, size: int) -> bytearray:
    """The first bytes, filled up with silence."""
    taken = waiting[:size]
    del waiting[:size]
    return taken + bytes(size - len(taken))
