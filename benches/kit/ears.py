"""What came to many ears, as `native/callers.c` keeps it: words, and how late each datagram was."""

from __future__ import annotations

import struct
from array import array
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path

from translink._core import BeaconDecoder
from translink.sim.beacons import HeardBeacon

TICK = 20_000_000
"""Nanoseconds between two datagrams of an ear."""
SURE_AFTER = 8
"""Datagrams after which the decoder is certain of a word, at most."""
NEW_RUN = 3 * TICK
"""A longer pause between two datagrams of an ear is one between utterances, not lateness."""


def read_ears(path: Path, lines: int) -> tuple[list[list[HeardBeacon]], list[float]]:
    """Words at each ear, and how late each datagram was."""
    decoders = [BeaconDecoder() for _ in range(lines)]
    heard: list[list[HeardBeacon]] = [[] for _ in range(lines)]
    samples = [0] * lines
    # An hour of a hundred calls is twenty million datagrams: nothing larger than a number is kept of each.
    ends: list[deque[tuple[int, float]]] = [deque(maxlen=SURE_AFTER) for _ in range(lines)]
    times = [array("q") for _ in range(lines)]
    for line, at, pcm in _datagrams(path):
        samples[line] += len(pcm) // 2
        ends[line].append((samples[line], at / 1e9))
        times[line].append(at)
        for number, _, end in decoders[line].push(pcm):
            moment = next(when for last, when in ends[line] if last >= end)
            heard[line].append(HeardBeacon(number, moment))
    for line, decoder in enumerate(decoders):
        heard[line] += [HeardBeacon(number, ends[line][-1][1]) for number, _, _ in decoder.finish()]
    return heard, [late for each in times for late in deviations_ms(each)]


def behind_grid_ms(times: Sequence[int]) -> list[float]:
    """Milliseconds behind the grid of 20 ms on which the most punctual of these datagrams lies."""
    off = [at - n * TICK for n, at in enumerate(times)]
    earliest = min(off, default=0)
    return [(value - earliest) / 1e6 for value in off]


def deviations_ms(times: Sequence[int]) -> list[float]:
    """The same for an ear that hears utterances, each of which has a grid of its own."""
    late: list[float] = []
    begin = 0
    for at in range(1, len(times) + 1):
        if at < len(times) and not _begins(times, at):
            continue
        late += behind_grid_ms(times[begin:at])
        begin = at
    return late


def _begins(times: Sequence[int], at: int) -> bool:
    """Does an utterance begin here? Its pause need not be a multiple of 20 ms: the grid is a new one.

    A datagram that was merely late is followed by one that is on time, so by less than 20 ms.
    """
    pause = times[at] - times[at - 1]
    if pause >= NEW_RUN:
        return True
    late = pause - TICK
    if late < TICK // 4 or at + 1 == len(times):
        return False
    return times[at + 1] - times[at] > TICK - late // 2


def _datagrams(path: Path) -> Iterator[tuple[int, int, bytes]]:
    head = struct.Struct("=IIQ")
    with path.open("rb") as file:
        while len(start := file.read(head.size)) == head.size:
            line, size, at = head.unpack(start)
            yield line, at, file.read(size)
