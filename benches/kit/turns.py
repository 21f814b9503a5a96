"""Two parties who take turns, as people do: when they speak is a talk's, what they say are beacon words.

A talk (`../shared/talks/dialog.json`, where it is; else `benches/talks/library.json`) has each party's
words with their times; words less than `PAUSE` apart are one turn. Each call is somewhere else in the
talk, which begins anew at its end.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from benches.kit.native import ROOT
from translink._core import beacon_encode
from translink.results import FRAME_BYTES, RATE
from translink.sim.beacons import Planned, number_of
from translink.sim.talk.words import TalkWord, load_talks

PAUSE = 0.4
"""Seconds of silence that end a turn; what is shorter lies within speech."""
GAP_MS = 100
"""Between two beacon words of a turn."""
APART = 17.0
"""Seconds by which a call is ahead of the one before."""
DIALOG = ROOT.parent / "shared" / "talks" / "dialog.json"
OWN = ROOT / "benches" / "talks" / "library.json"


@dataclass(frozen=True, slots=True)
class Turns:
    """When each of two parties speaks."""

    name: str
    parties: tuple[list[tuple[float, float]], list[tuple[float, float]]]
    length: float
    """Seconds, until it begins anew."""

    @classmethod
    def read(cls, path: Path | None = None) -> Turns:
        """Of a talk of two."""
        path = path or (DIALOG if DIALOG.exists() else OWN)
        first, second = load_talks(path)
        parties = (
            _turns((*first.words, *first.fillers)),
            _turns((*second.words, *second.fillers)),
        )
        return cls(path.stem, parties, 1.0 + max(turns[-1][1] for turns in parties))

    @property
    def share(self) -> float:
        """Of the time, for which a party speaks on average."""
        spoken = sum(end - start for turns in self.parties for start, end in turns)
        return spoken / 2 / self.length

    def talkers(self, calls: int) -> list[TurnTalker]:
        """Both parties of some calls: the telephones 2n and 2n + 1 are of call n."""
        return [TurnTalker(place, self) for place in range(2 * calls)]


class TurnTalker:
    """One party's voice: as `translink.sim.beacons.Talker`, by the turns of a talk."""

    def __init__(self, place: int, turns: Turns) -> None:
        self.planned: list[Planned] = []
        """Every word that has been put into the audio so far."""
        self._place = place
        self._turns = turns.parties[place % 2]
        self._length = turns.length
        self._ahead = place // 2 * APART
        self._pcm = bytearray()
        """Made, and not yet taken."""
        self._made = 0
        self._taken = 0
        self._quiet = False

    def hush(self) -> None:
        """Finish the word and then say nothing more."""
        self._quiet = True

    def frame(self) -> tuple[bytes, bool]:
        """The next 640 bytes, and whether a word is in them."""
        while len(self._pcm) < FRAME_BYTES:
            self._more()
        frame = bytes(self._pcm[:FRAME_BYTES])
        del self._pcm[:FRAME_BYTES]
        speaking = bool(self.planned) and self._taken < self.planned[-1].end
        self._taken += FRAME_BYTES // 2
        return frame, speaking

    def _more(self) -> None:
        at = (self._made / RATE + self._ahead) % self._length
        if self._quiet or not any(start <= at < end for start, end in self._turns):
            self._add(bytes(FRAME_BYTES))
            return
        number = number_of(self._place, len(self.planned))
        word = beacon_encode(number, gap_ms=0)
        self.planned.append(Planned(number, self._made + len(word) // 2))
        self._add(word + bytes(GAP_MS * RATE // 1000 * 2))

    def _add(self, pcm: bytes) -> None:
        self._pcm += pcm
        self._made += len(pcm) // 2


def _turns(words: Iterable[TalkWord]) -> list[tuple[float, float]]:
    turns: list[tuple[float, float]] = []
    for word in sorted(words, key=lambda word: word.start):
        if turns and word.start - turns[-1][1] < PAUSE:
            turns[-1] = turns[-1][0], max(word.end, turns[-1][1])
        else:
            turns.append((word.start, word.end))
    return turns
