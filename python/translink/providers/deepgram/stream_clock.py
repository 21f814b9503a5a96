"""Times of a stream whose recogniser reports windows and hardly any word times. Sans-IO.

All in samples of the audio that the caller gave: silence that was put between, so that the recogniser goes on
hearing, is taken out again, wherever it stands.
"""

from __future__ import annotations

from collections import deque

MOST_FILLS = 64
"""Stretches of silence that are remembered one by one; older ones lie below everything that is still said."""


class StreamClock:
    """Where the caller's audio is in what was sent."""

    def __init__(self) -> None:
        self.sent = 0
        """Samples sent, silence included."""
        self.filled = 0
        """Samples of silence among them."""
        self._fills: deque[tuple[int, int]] = deque()
        """First sample, and how many."""
        self._older = 0

    def audio(self, samples: int) -> None:
        """The caller's was sent."""
        self.sent += samples

    def fill(self, samples: int) -> None:
        """Silence was sent between."""
        if self._fills and sum(self._fills[-1]) == self.sent:
            first, count = self._fills.pop()
            self._fills.append((first, count + samples))
        else:
            self._fills.append((self.sent, samples))
        if len(self._fills) > MOST_FILLS:
            self._older += self._fills.popleft()[1]
        self.sent += samples
        self.filled += samples

    def own(self, sample: int) -> int:
        """A sample of the stream as one of the caller's audio; within silence, where that stands."""
        filled = self._older
        for first, count in self._fills:
            if sample <= first:
                break
            filled += min(count, sample - first)
        return max(0, sample - filled)


class TurnTimes:
    """When the words of one turn were said, as far as their coming shows it: a word ended before the
    window in which it is heard first, and after the one before. Good to a quarter of a second, and
    late by what the recogniser takes."""

    def __init__(self, start: int) -> None:
        self._window = start
        self._ends: list[tuple[int, int]] = []
        """Per word: the windows between whose ends it came."""

    def see(self, words: int, end: int) -> None:
        """A message of so many words, of the audio up to `end`."""
        del self._ends[words:]
        self._ends += [(self._window, end)] * (words - len(self._ends))
        self._window = max(self._window, end)

    def spans(self) -> list[tuple[int, int]]:
        """Begin and end of each word; those that came together share their window evenly."""
        spans: list[tuple[int, int]] = []
        at = 0
        while at < len(self._ends):
            begin, end = window = self._ends[at]
            count = 1
            while at + count < len(self._ends) and self._ends[at + count] == window:
                count += 1
            spans += [
                (begin + (end - begin) * n // count, begin + (end - begin) * (n + 1) // count)
                for n in range(count)
            ]
            at += count
        return spans
