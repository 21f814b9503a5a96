"""Where in a leg's audio somebody speaks, and where it can be cut without cutting a word. Sans-IO.

Fed with the engine's verdict on each frame. Remembers how loud it was for as long as the ledger
does, and that somebody spoke for much longer: what was never answered is to be reported.
"""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from translink.results import FRAME, RATE

SOFT_BEGINNING = RATE * 3 // 10
"""Samples before the first frame with speech that may belong to it: a soft beginning is noticed late."""
TALK_MEMORY = 600.0
"""Seconds for which it is known that somebody spoke, at least."""


@dataclass(slots=True)
class Talk:
    """A run of frames with speech: samples [start, end)."""

    start: int
    end: int


class SpeechMap:
    """The talks of one leg in one call."""

    def __init__(self, start: int, seconds: float = 60.0) -> None:
        self.head = start
        """First sample that has not been heard yet."""
        self._begin = start
        self._slots = max(1, int(seconds * RATE) // FRAME)
        self._keep = self._slots * FRAME
        self._remember = max(self._keep, int(TALK_MEMORY * RATE))
        self._talks: deque[Talk] = deque()
        """Those within the ledger, and the newest of all."""
        self._past = array("q")
        """Start and end of each talk before them: 16 bytes instead of 120, for ten minutes."""
        self._captured = array("q", bytes(8 * self._slots))
        self._rms = array("H", bytes(2 * self._slots))

    def frame(self, start: int, speech: bool, rms: int, captured: int) -> None:
        """Note one frame. Frames come in order; a hole (a full mailbox) is taken as speech: better
        sent than lost."""
        if start > self.head:
            self._hole(start, captured)
        self.head = head = start + FRAME
        slot = (start // FRAME) % self._slots
        self._rms[slot] = rms if rms < 0xFFFF else 0xFFFF
        self._captured[slot] = captured
        talks = self._talks
        if speech:
            if talks and talks[-1].end >= start:
                talks[-1].end = head
            else:
                talks.append(Talk(start, head))
        while len(talks) > 1 and talks[0].end < head - self._keep:
            talk = talks.popleft()
            self._past.extend((talk.start, talk.end))
        if self._past and self._past[1] < head - self._remember:
            del self._past[:2]
        elif talks and talks[0].end < head - self._remember:
            talks.popleft()

    @property
    def is_new(self) -> bool:
        """No frame came yet."""
        return self.head == self._begin

    def begin(self, start: int) -> None:
        """There is no audio before `start`, nor was there: nobody spoke."""
        self.head = self._begin = start

    def quiet_for(self) -> int:
        """Samples of silence up to the head."""
        return self.head - (self._talks[-1].end if self._talks else self._begin)

    def between(self) -> int:
        """Where to cut at the head: the head itself while somebody speaks, else up to 0.1 s before
        it, for the next word may have begun, and this detector is late."""
        return self.head - min(self.quiet_for(), RATE // 5) // 2 // FRAME * FRAME

    def speech_in(self, start: int, end: int) -> Talk | None:
        """First to last speech within [start, end), or None when all is silent there."""
        inside = [talk for talk in self._since(start) if talk.start < end]
        if not inside or start >= end:
            return None
        return Talk(max(inside[-1].start, start), min(inside[0].end, end))

    def spoken(self, start: int, end: int) -> int:
        """Samples of speech within [start, end)."""
        total = 0
        # Asked several times a frame; in silence the newest talk tells.
        for talk in reversed(self._talks):
            if talk.end <= start:
                break
            last = talk.end if talk.end < end else end
            first = talk.start if talk.start > start else start
            if last > first:
                total += last - first
        else:
            for talk in self._before(start):
                total += max(0, min(talk.end, end) - max(talk.start, start))
        return total

    def reached(self, start: int, least: int) -> int | None:
        """Where `least` samples of speech have been spoken since `start`, or None."""
        for talk in reversed(list(self._since(start))):
            first = max(talk.start, start)
            if talk.end - first >= least:
                return first + least
            least -= talk.end - first
        return None

    def pause_after(self, start: int, least: int) -> int | None:
        """Middle of the first pause of `least` samples that follows speech after `start`, or None.

        The pause may still be going on at the head.
        """
        before: Talk | None = None
        for talk in reversed(list(self._since(start))):
            if before is not None and talk.start - before.end >= least:
                return (before.end + talk.start) // 2
            before = talk
        if before is not None and self.head - before.end >= least:
            return before.end + least // 2
        return None

    def last_pause(self, start: int, least: int) -> int | None:
        """Middle of the newest pause of `least` samples inside [start, head), or None."""
        after = self.head
        for talk in self._since(start):
            if after - talk.end >= least:
                return (talk.end + after) // 2
            after = talk.start
        return (start + after) // 2 if after - start >= least else None

    def quietest(self, start: int, end: int) -> int:
        """Beginning of the quietest frame that begins in [start, end) and is still known (the
        newest of equals): where a cut hurts least when there is no pause. `start` itself when there
        is none."""
        start = -(-max(start, self.head - self._keep) // FRAME) * FRAME
        return min(
            range(start, max(end, start + 1), FRAME),
            key=lambda at: (self._rms[(at // FRAME) % self._slots], -at),
        )

    def loudness(self, since: int) -> list[int]:
        """RMS of every fifth frame with speech from `since` on, as far as it is known: ten a second."""
        start = -(-max(since, self.head - self._keep) // FRAME) * FRAME
        return [
            self._rms[(at // FRAME) % self._slots]
            for talk in self._since(start)
            for at in range(max(talk.start, start), talk.end, 5 * FRAME)
        ]

    def captured(self, sample: int) -> float:
        """When the sound that ends at `sample` reached the socket (monotonic seconds; 0.0 = not
        known)."""
        if not max(self._begin, self.head - self._keep) < sample <= self.head:
            return 0.0
        return self._captured[((sample - 1) // FRAME) % self._slots] / 1e9

    def _since(self, start: int) -> Iterator[Talk]:
        """Talks that end after `start`, the newest first: callers mostly want the newest."""
        for talk in reversed(self._talks):
            if talk.end <= start:
                return
            yield talk
        yield from self._before(start)

    def _before(self, start: int) -> Iterator[Talk]:
        """The same of those beyond the ledger."""
        past = self._past
        for at in range(len(past) - 2, -1, -2):
            if past[at + 1] <= start:
                return
            yield Talk(past[at], past[at + 1])

    def _hole(self, end: int, captured: int) -> None:
        """From the head to `end` nothing came."""
        if self._talks and self._talks[-1].end >= self.head:
            self._talks[-1].end = end
        else:
            self._talks.append(Talk(self.head, end))
        for at in range(self.head, end, FRAME):
            slot = (at // FRAME) % self._slots
            self._rms[slot] = 0xFFFF
            self._captured[slot] = captured
