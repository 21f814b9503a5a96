"""A listener's ear: datagrams as they come out of the UDP socket, searched for words at the end."""

from __future__ import annotations

from array import array
from bisect import bisect_right

from translink.sim.beacons import HeardBeacon
from translink.sim.talk.chords import HOP, find_chords


class TalkEar:
    """Keeps everything: 32 kB a second of speech."""

    def __init__(self) -> None:
        self.heard: list[HeardBeacon] = []
        """Once it has finished: each word, and when the datagram with its first sample came."""
        self.datagrams = 0
        self.newest = 0.0
        """When the newest datagram came; 0 = none."""
        self._pcm = bytearray()
        self._ends = array("q")
        self._times = array("d")

    def datagram(self, payload: bytes, at: float) -> None:
        """One arrived."""
        self.datagrams += 1
        self.newest = at
        self._pcm += payload
        self._ends.append(len(self._pcm) // 2)
        self._times.append(at)

    def finish(self) -> None:
        """Find the words."""
        for word in find_chords(bytes(self._pcm)):
            # A window in which a word takes the greater part is read already.
            first = min(word.start + HOP // 2, len(self._pcm) // 2 - 1)
            place = bisect_right(self._ends, first)
            self.heard.append(HeardBeacon(word.number, self._times[place]))
        self._pcm.clear()

    @property
    def seconds(self) -> float:
        """Sound that came."""
        return self._ends[-1] / 16_000 if self._ends else 0.0
