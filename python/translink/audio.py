"""Bytes of a request → 16 kHz s16le mono, as they come; and back to what a client asked for.
Sans-IO.

Encodings: linear16 (little-endian), mulaw, alaw; any rate from 8 to 48 kHz; WAV with PCM (8, 16,
24, 32 bit) or G.711 in it. Anything else is an `AudioError`, as a corrupt file is with the real
service.
"""

from __future__ import annotations

import struct
from array import array
from collections.abc import Callable

from translink._core import Resampler

RATE = 16_000
ENCODINGS = frozenset({"linear16", "mulaw", "alaw"})
_HEADER_LIMIT = 65_536


class AudioError(Exception):
    """Not audio, or not in a form we can read."""


class RawDecoder:
    """Headerless audio of one known form."""

    def __init__(
        self, encoding: str, rate: int, channels: int = 1, width: int = 2, target: int = RATE
    ) -> None:
        """`width`: bytes per sample of linear PCM; 1 is unsigned, as in WAV. `target`: rate out."""
        if encoding not in ENCODINGS or not 8_000 <= rate <= 48_000 or not 1 <= channels <= 8:
            raise AudioError(f"unsupported audio: {encoding} at {rate} Hz, {channels} channels")
        self._widen = _widener(encoding, width)
        self._block = channels * (width if encoding == "linear16" else 1)
        self._channels = channels
        self._carry = b""
        self._resampler = None if rate == target else Resampler(rate, target)

    def push(self, data: bytes) -> bytes:
        """Take any number of bytes; a sample cut in two waits for its other half."""
        data = self._carry + data if self._carry else data
        whole = len(data) - len(data) % self._block
        self._carry = data[whole:]
        pcm = self._widen(data[:whole])
        if self._channels > 1:
            samples = array("h", pcm)
            pcm = samples[:: self._channels].tobytes()
        return pcm if self._resampler is None else self._resampler.push(pcm)

    def finish(self) -> bytes:
        """What the resampler still holds."""
        return b"" if self._resampler is None else self._resampler.finish()


class WavDecoder:
    """A WAV file or stream, header first. Sizes in the header are not believed: audio goes on until
    the end.
    """

    def __init__(self, target: int = RATE) -> None:
        """`target`: rate out."""
        self._target = target
        self._head = b""
        self._raw: RawDecoder | None = None

    def push(self, data: bytes) -> bytes:
        """Raises `AudioError` as soon as it is sure that this is no WAV we can read."""
        if self._raw is not None:
            return self._raw.push(data)
        self._head += data
        if not b"RIFF".startswith(self._head[:4]):
            raise AudioError("not a WAV file")
        if len(self._head) < 12:
            return b""
        if self._head[8:12] != b"WAVE":
            raise AudioError("not a WAV file")
        at, form = 12, None
        while at + 8 <= len(self._head):
            name, size = struct.unpack_from("<4sI", self._head, at)
            if name == b"data":
                if form is None:
                    raise AudioError("a WAV file without fmt chunk")
                self._raw = form
                return self._raw.push(self._head[at + 8 :])
            if name == b"fmt " and at + 24 <= len(self._head):
                form = _wav_form(self._head[at + 8 : at + 8 + size], self._target)
            at += 8 + size + size % 2
        if len(self._head) > _HEADER_LIMIT:
            raise AudioError("a WAV file without data")
        return b""

    def finish(self) -> bytes:
        """The end of the file; raises `AudioError` when no audio ever came."""
        if self._raw is None:
            raise AudioError("a WAV file without data")
        return self._raw.finish()


Decoder = RawDecoder | WavDecoder


def decoder(encoding: str | None, rate: int, channels: int) -> Decoder:
    """By `encoding`; None = a container."""
    return WavDecoder() if encoding is None else RawDecoder(encoding, rate, channels)


def wav_header(rate: int, width: int = 2, form: int = 1) -> bytes:
    """The header of a mono stream whose length is not known yet."""
    return struct.pack(
        "<4sI4s4sIHHIIHH4sI",
        *(b"RIFF", 0x7FFFFFFF, b"WAVE", b"fmt ", 16, form, 1, rate, rate * width, width, 8 * width),
        *(b"data", 0x7FFFFFFF - 36),
    )


def to_mulaw(pcm: bytes) -> bytes:
    """s16le → G.711 µ-law (ITU-T G.711; table of the 14-bit values)."""
    return bytes(_MULAW_OF[(s >> 2) & 0x3FFF] for s in array("h", pcm))


def to_alaw(pcm: bytes) -> bytes:
    """s16le → G.711 A-law."""
    return bytes(_ALAW_OF[(s >> 3) & 0x1FFF] for s in array("h", pcm))


def _wav_form(fmt: bytes, target: int) -> RawDecoder:
    tag, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", fmt)
    if tag == 0xFFFE and len(fmt) >= 26:
        (tag,) = struct.unpack_from("<H", fmt, 24)
    match tag:
        case 1 if bits in (8, 16, 24, 32):
            return RawDecoder("linear16", rate, channels, bits // 8, target)
        case 6:
            return RawDecoder("alaw", rate, channels, target=target)
        case 7:
            return RawDecoder("mulaw", rate, channels, target=target)
    raise AudioError(f"unsupported WAV format {tag} with {bits} bits")


def _widener(encoding: str, width: int) -> Callable[[bytes], bytes]:
    if encoding == "mulaw":
        return lambda data: array("h", map(_MULAW.__getitem__, data)).tobytes()
    if encoding == "alaw":
        return lambda data: array("h", map(_ALAW.__getitem__, data)).tobytes()
    if width == 2:
        return bytes
    if width == 1:
        return lambda data: array("h", ((b - 128) << 8 for b in data)).tobytes()
    return lambda data: b"".join(
        data[i + width - 2 : i + width] for i in range(0, len(data), width)
    )


def _from_mulaw(code: int) -> int:
    code = ~code & 0xFF
    value = (((code & 0x0F) << 3) + 0x84) << ((code >> 4) & 7)
    return 0x84 - value if code & 0x80 else value - 0x84


def _from_alaw(code: int) -> int:
    code ^= 0x55
    value, segment = (code & 0x0F) << 4, (code >> 4) & 7
    value = value + 8 if segment == 0 else (value + 0x108) << (segment - 1)
    return value if code & 0x80 else -value


def _mulaw_of(value: int) -> int:
    sign, magnitude = (0x80, -value) if value < 0 else (0, value)
    magnitude = min(magnitude, 32_635) + 0x84
    exponent = magnitude.bit_length() - 8
    return ~(sign | exponent << 4 | (magnitude >> (exponent + 3)) & 0x0F) & 0xFF


def _alaw_of(value: int) -> int:
    sign, magnitude = (0x80, value) if value >= 0 else (0, -value - 1)
    exponent = max(0, magnitude.bit_length() - 8)
    mantissa = (magnitude >> (exponent + 3 if exponent else 4)) & 0x0F
    return (sign | exponent << 4 | mantissa) ^ 0x55


def _signed(index: int, bits: int) -> int:
    return index - (1 << bits) if index >= 1 << (bits - 1) else index


_MULAW = tuple(_from_mulaw(c) for c in range(256))
_ALAW = tuple(_from_alaw(c) for c in range(256))
_MULAW_OF = bytes(_mulaw_of(_signed(i, 14) << 2) for i in range(1 << 14))
_ALAW_OF = bytes(_alaw_of(_signed(i, 13) << 3) for i in range(1 << 13))
