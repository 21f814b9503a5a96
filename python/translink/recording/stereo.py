"""Stereo WAV: what a leg said on the left, what its ear heard on the right. Sans-IO."""

from __future__ import annotations

from array import array

from translink.audio import wav_header
from translink.results import RATE

HEADER_BYTES = 44
FRAME_SIZE = 4
"""Bytes of one sample of both channels."""
LONGEST_SOUND = 2**32 - 2**20
"""Bytes that fit into a RIFF file: 18 h."""
UNKNOWN_SIZE = 0xFFFFFFFF
"""As programs write it that cannot know: to the end of the file."""


def stereo_header(size: int) -> bytes:
    """The 44 bytes before `size` bytes of sound (`UNKNOWN_SIZE`: to the end)."""
    return wav_header(RATE, size=size, channels=2)


def woven(left: bytes | bytearray, right: bytes | bytearray) -> bytes:
    """Two channels of equal length, s16le, as one."""
    both = array("h", bytes(2 * len(left)))
    both[0::2] = array("h", bytes(left))
    both[1::2] = array("h", bytes(right))
    return both.tobytes()


def unwoven(both: bytes) -> tuple[bytes, bytes]:
    """Left and right."""
    samples = array("h", both[: len(both) // FRAME_SIZE * FRAME_SIZE])
    return samples[0::2].tobytes(), samples[1::2].tobytes()
