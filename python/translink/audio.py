"""Bytes of a request → 16 kHz s16le mono, as they come; and back to what a client asked for.
Sans-IO.

Encodings: linear16 (little-endian), mulaw, alaw; any rate from 8 to 48 kHz; WAV with PCM (8, 16,
24, 32 bit), 32-bit floats or G.711 in it. Anything else is an `AudioError`, as a corrupt file is
with the real service.

Own WAV reader rather than the standard library's `wave`: that one needs a file that it can seek in,
refuses WAVE_FORMAT_EXTENSIBLE up to Python 3.11 (ffmpeg and sox write it for 24 and 32 bits) and
believes the sizes in the header, which programs that write to a pipe (flite, espeak-ng, ffmpeg)
cannot know and fill with 0, 0x7ffff000 or 0xffffffff.
"""

from __future__ import annotations

import struct
import sys
from array import array
from collections.abc import Callable
from dataclasses import dataclass, replace

from translink._core import Resampler, alaw_decode, alaw_encode, ulaw_decode, ulaw_encode
from translink.results import RATE

ENCODINGS = frozenset({"linear16", "mulaw", "alaw"})
_HEADER_LIMIT = 65_536


class AudioError(Exception):
    """Not audio, or not in a form we can read."""


class RawDecoder:
    """Headerless audio of one known form."""

    def __init__(
        self,
        encoding: str,
        rate: int,
        channels: int = 1,
        width: int = 2,
        target: int | None = RATE,
        *,
        mix: bool = False,
    ) -> None:
        """`encoding`: of `ENCODINGS`, or `float`. `width`: bytes per sample of linear PCM; 1 is
        unsigned, as in WAV. `target`: rate out, None = as it is. `mix`: channels are averaged; else
        the first one is taken.
        """
        if target is not None and not 8_000 <= rate <= 48_000:
            raise AudioError(f"unsupported audio: {rate} Hz")
        if encoding not in (*ENCODINGS, "float") or not 1 <= channels <= 8 or rate < 1:
            raise AudioError(f"unsupported audio: {encoding}, {channels} channels at {rate} Hz")
        self.rate = rate
        self._widen = _widener(encoding, width)
        self._block = channels * {"linear16": width, "float": 4}.get(encoding, 1)
        self._channels = channels
        self._mix = mix
        self._carry = b""
        self._resampler = None if target in (rate, None) else Resampler(rate, target)

    def push(self, data: bytes) -> bytes:
        """Take any number of bytes; a sample cut in two waits for its other half."""
        data = self._carry + data if self._carry else data
        whole = len(data) - len(data) % self._block
        self._carry = data[whole:]
        pcm = self._widen(data[:whole])
        if self._channels > 1:
            pcm = self._mono(array("h", pcm)).tobytes()
        return pcm if self._resampler is None else self._resampler.push(pcm)

    def finish(self) -> bytes:
        """What the resampler still holds."""
        return b"" if self._resampler is None else self._resampler.finish()

    def _mono(self, samples: array[int]) -> array[int]:
        lanes = [samples[lane :: self._channels] for lane in range(self._channels)]
        if not self._mix:
            return lanes[0]
        return array("h", [sum(each) // self._channels for each in zip(*lanes, strict=True)])


@dataclass(frozen=True, slots=True)
class WavHeader:
    """What a WAV file says before its sound."""

    tag: int
    """The format: 1 = linear PCM. That of the extension, where there is one."""
    channels: int
    rate: int
    bits: int
    """Of one sample."""
    start: int | None
    """Where the sound begins, in bytes; None = its header has not come yet."""
    size: int
    """Bytes of sound; `sys.maxsize` = to the end, the program that wrote it could not know."""


def read_wav_header(head: bytes | bytearray) -> WavHeader | None:
    """The header of a file that begins with `head`; None = its format has not come yet.

    Raises `AudioError` as soon as it is sure that there is no sound to come. Source: Microsoft's RIFF,
    WAVEFORMATEX and WAVEFORMATEXTENSIBLE.
    """
    if not b"RIFF".startswith(head[:4]) or not b"WAVE".startswith(head[8:12]):
        raise AudioError(_NO_WAV)
    at, found = 12, None
    while at + 8 <= len(head):
        name, size = struct.unpack_from("<4sI", head, at)
        if name == b"data":
            if found is None:
                raise AudioError("its data comes before its format")
            known = size if 0 < size < _SIZE_UNKNOWN else sys.maxsize
            return replace(found, start=at + 8, size=known)
        if name == b"fmt ":
            if len(head) < at + 8 + size:
                break
            found = _wav_format(head[at + 8 : at + 8 + size])
        at += 8 + size + size % 2
    if max(at, len(head)) > _HEADER_LIMIT:
        raise AudioError("a WAV file without data")
    return found


def _wav_format(fmt: bytes | bytearray) -> WavHeader:
    if len(fmt) < 16:
        raise AudioError("its format chunk is cut off")
    tag, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", fmt)
    if tag == 0xFFFE and len(fmt) >= 26:
        (tag,) = struct.unpack_from("<H", fmt, 24)
    if not channels or not rate:
        raise AudioError(f"says it has {channels} channels at {rate} Hz")
    return WavHeader(tag, channels, rate, bits, None, sys.maxsize)


class WavDecoder:
    """A WAV file or stream, header first.

    A size in the header is believed when a program can have known it; else audio goes on until the
    end.
    """

    def __init__(self, target: int | None = RATE, *, mix: bool = False) -> None:
        """As for `RawDecoder`."""
        self._target = target
        self._mix = mix
        self._head = b""
        self._raw: RawDecoder | None = None
        self._left = 0

    @property
    def rate(self) -> int:
        """Of the file, once its header was read; 0 before."""
        return 0 if self._raw is None else self._raw.rate

    def push(self, data: bytes) -> bytes:
        """Raises `AudioError` as soon as it is sure that this is no WAV we can read."""
        if self._raw is not None:
            return self._body(data)
        self._head += data
        header = read_wav_header(self._head)
        form = None if header is None else self._form(header)
        if header is None or form is None or header.start is None:
            return b""
        self._raw, self._left = form, header.size
        return self._body(self._head[header.start :])

    def finish(self) -> bytes:
        """The end of the file; raises `AudioError` when no audio ever came."""
        if self._raw is None:
            whole = self._head[8:12] == b"WAVE"
            raise AudioError("has no data chunk; is it cut off?" if whole else _NO_WAV)
        return self._raw.finish()

    def _body(self, data: bytes) -> bytes:
        assert self._raw is not None
        data = data[: self._left]
        self._left -= len(data)
        return self._raw.push(data)

    def _form(self, header: WavHeader) -> RawDecoder:
        tag, bits = header.tag, header.bits
        encoding = {(3, 32): "float", (6, 8): "alaw", (7, 8): "mulaw"}.get((tag, bits))
        if tag == 1 and bits in (8, 16, 24, 32):
            encoding = "linear16"
        if encoding is None:
            what = _COMPRESSED.get(tag, f"format {tag:#06x} with {bits} bits")
            raise AudioError(f"holds {what}, not PCM")
        return RawDecoder(
            encoding, header.rate, header.channels, bits // 8, self._target, mix=self._mix
        )


Decoder = RawDecoder | WavDecoder


def decoder(encoding: str | None, rate: int, channels: int) -> Decoder:
    """By `encoding`; None = a container."""
    return WavDecoder() if encoding is None else RawDecoder(encoding, rate, channels)


def wav_header(
    rate: int, width: int = 2, form: int = 1, size: int = 0x7FFFFFFF - 36, *, channels: int = 1
) -> bytes:
    """The 44 bytes before a sound of `size` bytes, samples of `width`; as a rule a stream, whose length is not
    known. Microsoft's RIFF and WAVEFORMATEX."""
    block = channels * width
    return struct.pack(
        "<4sI4s4sIHHIIHH4sI",
        *(b"RIFF", min(36 + size, 0xFFFFFFFF), b"WAVE", b"fmt ", 16),
        *(form, channels, rate, rate * block, block, 8 * width),
        *(b"data", size),
    )


to_mulaw, to_alaw = ulaw_encode, alaw_encode
"""s16le → G.711 (ITU-T G.711)."""


def _widener(encoding: str, width: int) -> Callable[[bytes], bytes]:
    match encoding:
        case "mulaw":
            return ulaw_decode
        case "alaw":
            return alaw_decode
        case "float":
            return lambda data: array("h", map(_clip, array("f", data))).tobytes()
    return bytes if width == 2 else lambda data: _sixteen_bits(data, width)


def _sixteen_bits(data: bytes, width: int) -> bytes:
    """Linear samples of 1, 3 or 4 bytes: the two upper bytes of each."""
    out = bytearray(len(data) // width * 2)
    if width == 1:  # the only width that is unsigned
        out[1::2] = data.translate(_UNSIGNED)
    else:
        out[0::2] = data[width - 2 :: width]
        out[1::2] = data[width - 1 :: width]
    return bytes(out)


def _clip(value: float) -> int:
    if value != value:  # not a number
        return 0
    return int(max(-32768.0, min(32767.0, value * 32768.0)))


_NO_WAV = "not a RIFF WAV file"
_SIZE_UNKNOWN = 0x7FFF0000
_COMPRESSED = {2: "ADPCM", 17: "IMA ADPCM", 49: "GSM", 85: "MP3"}
_UNSIGNED = bytes((value - 128) % 256 for value in range(256))
