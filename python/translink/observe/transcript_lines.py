"""The lines of one call's transcript: the newest as objects, all others packed.

A line takes 1.1 kB as an object with its texts and times. Fifty calls in which both parties talk all the
time make 2,000 of them a minute, so that an hour added 110 MB, and the ended calls that are kept hold
more. What nothing happens to any more is packed, fifty lines at a time: some 100 bytes a line. Packing
takes 0.2 ms, unpacking 0.1 ms a block.
"""

from __future__ import annotations

import zlib
from collections import OrderedDict, deque
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice

import orjson

from translink.observe.views import TranscriptLine

PACKED_TOGETHER = 50
"""Lines that are packed together."""
OPEN_STATES = frozenset({"final", "translated"})
"""A line in one of them waits for what becomes of it, however long a provider is away."""


class TranscriptLines:
    """Lines in the order in which they were recognised."""

    def __init__(self, most: int) -> None:
        """`most` are kept; one more drops the oldest, or the oldest block."""
        self._most = most
        self._packed: deque[bytes] = deque()
        self._open: OrderedDict[tuple[str, int], TranscriptLine] = OrderedDict()
        self.dropped = 0

    def __len__(self) -> int:
        return PACKED_TOGETHER * len(self._packed) + len(self._open)

    def add(self, line: TranscriptLine) -> None:
        """The newest."""
        while len(self) >= self._most:
            self._drop()
        self._open[line.leg, line.segment] = line
        if len(self._open) > 2 * PACKED_TOGETHER:
            self._pack()

    def find(self, leg: str, segment: int) -> TranscriptLine | None:
        """A line that something may happen to yet; change it in place. None: it is packed, or dropped."""
        return self._open.get((leg, segment))

    def blocks(self) -> Iterator[list[TranscriptLine]]:
        """All lines as they are now, in blocks, between which others may have their turn."""
        packed, newest = tuple(self._packed), list(self._open.values())
        for block in packed:
            yield [TranscriptLine(*row) for row in orjson.loads(zlib.decompress(block))]
        for first in range(0, len(newest), PACKED_TOGETHER):
            yield newest[first : first + PACKED_TOGETHER]

    def copy(self) -> TranscriptLines:
        """As they are now, which does not change any more."""
        copied = TranscriptLines(self._most)
        copied._packed = self._packed.copy()
        copied._open = OrderedDict((key, replace(line)) for key, line in self._open.items())
        copied.dropped = self.dropped
        return copied

    def _drop(self) -> None:
        if self._packed:
            self._packed.popleft()
            self.dropped += PACKED_TOGETHER
        else:
            self._open.popitem(last=False)
            self.dropped += 1

    def _pack(self) -> None:
        oldest = list(islice(self._open.items(), PACKED_TOGETHER))
        if any(line.state in OPEN_STATES for _, line in oldest):
            return
        rows = [_row(line) for _, line in oldest]
        self._packed.append(zlib.compress(orjson.dumps(rows), level=1))
        for key, _ in oldest:
            del self._open[key]


def _row(line: TranscriptLine) -> tuple[object, ...]:
    """What it is made of, in the order of its fields."""
    return (
        *(line.leg, line.segment, line.start_s, line.end_s, line.text, line.language),
        *(line.translation, line.target, line.state, line.at),
    )
