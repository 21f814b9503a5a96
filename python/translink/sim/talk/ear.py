"""A listener's ear: datagrams as they come out of the UDP socket, searched for words at the end."""

from __future__ import annotations

import wave
from array import array
from bisect import bisect_right
from pathlib import Path

from translink.results import RATE
from translink.sim.beacons import HeardBeacon
from translink.sim.talk.chords import HOP, find_chords


class TalkEar:
    """Keeps everything: 32 kB a second of speech."""

    def __init__(self, wav: Path | None = None) -> None:
        """`wav`: where to write what was heard, with its silences."""
        self._wav = wav
        self.heard: list[HeardBeacon] = []
        """Once it has finished: each word, and when the datagram with its first sample came."""
        self.datagrams = 0
        self.newest = 0.0
        """When the newest datagram came; 0 = none."""
        self._pcm = bytearray()
        self._ends = array("q")
        self._times = array("d")

    def datagram(self, payload: bytes, at: float) -> None:
        """Take one datagram, received at `at`."""
        self.datagrams += 1
        self.newest = at
        self._pcm += payload
        self._ends.append(len(self._pcm) // 2)
        self._times.append(at)

    def finish(self) -> None:
        """Find the words in what came since the last time."""
        for word in find_chords(bytes(self._pcm)):
            # A window in which a word takes the greater part is read already.
            first = min(word.start + HOP // 2, len(self._pcm) // 2 - 1)
            place = bisect_right(self._ends, first)
            self.heard.append(HeardBeacon(word.number, self._times[place]))
        if self._wav is not None:
            self._write(self._wav)
        self._pcm.clear()

    def _write(self, path: Path) -> None:
        with wave.open(str(path), "wb") as out:
            out.setparams((1, 2, RATE, 0, "NONE", ""))
            begin = 0
            for end, at in zip(self._ends, self._times, strict=True):
                missing = round((at - self._times[0]) * RATE) - out.tell()
                if missing > RATE // 10:
                    out.writeframes(bytes(2 * missing))
                out.writeframes(self._pcm[2 * begin : 2 * end])
                begin = end

    @property
    def seconds(self) -> float:
        """Seconds of sound that came."""
        return self._ends[-1] / 16_000 if self._ends else 0.0
