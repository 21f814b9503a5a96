"""Where in a talk a frame comes from, written into the lowest bits of its samples.

Audio goes to the recogniser as it came, bit by bit, so 48 of a frame's lowest bits can say which
talk it belongs to and which frame of it this is. At -90 dBFS nobody hears them, no level changes. A
recogniser that finds a mark knows all that was said before and all that will be, also in a stream
that began in mid-talk.
"""

from __future__ import annotations

from dataclasses import dataclass

MARK_BYTES = 96
"""Of a frame hold its mark."""
MARKED_TALKS = 1 << 10
MARKED_FRAMES = 1 << 18
"""87 minutes."""


@dataclass(frozen=True, slots=True)
class Mark:
    """Place of a frame in its talk."""

    talk: int
    frame: int


def marked(frame: bytes, mark: Mark) -> bytes:
    """The frame with its mark."""
    bits = f"{_MARK_MAGIC << 28 | mark.talk << 18 | mark.frame:048b}".encode()
    head = bytearray(frame[:MARK_BYTES])
    head[::2] = bytes(low & 0xFE | bit & 1 for low, bit in zip(head[::2], bits, strict=True))
    return bytes(head) + frame[MARK_BYTES:]


def mark_of(pcm: bytes) -> Mark | None:
    """The mark that begins with the first sample; none in one of a million that have none."""
    if len(pcm) < MARK_BYTES:
        return None
    bits = int(pcm[:MARK_BYTES:2].translate(_PARITY), 2)
    if bits >> 28 != _MARK_MAGIC:
        return None
    return Mark(bits >> 18 & MARKED_TALKS - 1, bits & MARKED_FRAMES - 1)


_MARK_MAGIC = 0xB5C37
_PARITY = bytes(48 + (byte & 1) for byte in range(256))
"""Of each byte the digit of its lowest bit."""
