"""RTP packets as a telephone writes and reads them, for tests."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from translink._core import (
    BeaconDecoder,
    alaw_decode,
    alaw_encode,
    beacon_encode,
    resample,
    ulaw_decode,
    ulaw_encode,
)

TYPES = {"ulaw": 0, "alaw": 8, "g722": 9, "slin": 10, "slin16": 118}


def words(first: int, count: int) -> bytes:
    """Beacon words, 16 kHz. Quiet enough for G.722 (`rust/core/tests/common/phone.rs`)."""
    return b"".join(beacon_encode(n, amplitude=4_000) for n in range(first, first + count))


def numbers(pcm: bytes) -> list[int]:
    """Of the beacon words in 16 kHz PCM."""
    decoder = BeaconDecoder()
    return [number for number, *_ in [*decoder.push(pcm), *decoder.finish()]]


def encode(format: str, pcm: bytes) -> bytes:
    """16 kHz s16le as an RTP payload stream; not G.722."""
    if format == "slin16":
        return _swapped(pcm)
    narrow = resample(pcm, 16_000, 8_000)
    return {"alaw": alaw_encode, "ulaw": ulaw_encode, "slin": _swapped}[format](narrow)


def decode(format: str, payload: bytes) -> bytes:
    """The reverse, of a whole stream."""
    narrow = {"alaw": alaw_decode, "ulaw": ulaw_decode, "slin": _swapped}[format](payload)
    return resample(narrow, 8_000, 16_000)


def _swapped(pcm: bytes) -> bytes:
    count = len(pcm) // 2
    return struct.pack(f">{count}h", *struct.unpack(f"<{count}h", pcm[: 2 * count]))


@dataclass
class Packet:
    """What a header says, and the payload."""

    type: int
    marker: bool
    sequence: int
    timestamp: int
    ssrc: int
    payload: bytes

    @classmethod
    def read(cls, datagram: bytes) -> Packet:
        first, second, sequence, timestamp, ssrc = struct.unpack(">BBHII", datagram[:12])
        assert first == 0x80
        return cls(second & 0x7F, second >= 0x80, sequence, timestamp, ssrc, datagram[12:])

    def write(self) -> bytes:
        second = self.type | (0x80 if self.marker else 0)
        header = struct.pack(">BBHII", 0x80, second, self.sequence, self.timestamp, self.ssrc)
        return header + self.payload


@dataclass
class RtpStream:
    """One telephone's packets."""

    format: str
    sequence: int = 65_500
    timestamp: int = 2**32 - 4_000
    ssrc: int = 77

    def packets(self, pcm: bytes) -> list[bytes]:
        """20 ms each."""
        payload = encode(self.format, pcm)
        size = {"slin16": 640, "slin": 320}.get(self.format, 160)
        return [
            self.packet(TYPES[self.format], payload[at : at + size], 320 if size == 640 else 160)
            for at in range(0, len(payload), size)
        ]

    def packet(self, type: int, payload: bytes, units: int = 0) -> bytes:
        """One of another kind."""
        made = Packet(type, False, self.sequence, self.timestamp, self.ssrc, payload).write()
        self.sequence = (self.sequence + 1) % 2**16
        self.timestamp = (self.timestamp + units) % 2**32
        return made
