"""WAV files: any PCM in, 16 kHz s16le mono out.

Own parser rather than the standard library's `wave`: up to Python 3.11 that refuses
WAVE_FORMAT_EXTENSIBLE, which ffmpeg and sox write for 24 and 32 bits, and it trusts the sizes in
the header, which programs that write to a pipe (flite, espeak-ng, ffmpeg) cannot know and fill with
0, 0x7ffff000 or 0xffffffff.
"""

from __future__ import annotations

import array
import struct
import sys
import wave
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from translink.errors import TranslinkError
from translink.results import RATE

if TYPE_CHECKING:
    from types import TracebackType

SAMPLE_BYTES = 2


class WavError(TranslinkError):
    """A file is not a WAV file that can be used; the message names the file and says what would be
    right."""


@dataclass(frozen=True, slots=True)
class Sound:
    """Mono s16le at some rate."""

    rate: int
    """Samples per second."""
    pcm: bytes

    @property
    def seconds(self) -> float:
        """How long it lasts."""
        return len(self.pcm) / SAMPLE_BYTES / self.rate

    def at(self, rate: int) -> bytes:
        """The same sound at another rate, as s16le mono."""
        if rate == self.rate:
            return self.pcm
        from translink import _core

        return _core.resample(self.pcm, self.rate, rate)


def read_wav(path: str | Path) -> bytes:
    """Audio of a WAV file as a leg wants it: 16 kHz s16le mono.

    Args:
        path: a RIFF file with 8, 16, 24 or 32 bit integers or 32 bit floats, any rate, any number
            of channels.

    Raises:
        WavError: it cannot be read, is no WAV file, is compressed, or holds no sound.
    """
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise WavError(f"{path}: {error.strerror or error}") from error
    return parse_wav(data, str(path)).at(RATE)


def parse_wav(data: bytes, name: str = "WAV data") -> Sound:
    """What a RIFF file holds, mixed down to one channel.

    Args:
        data: the whole file; sizes in the header that go beyond its end are taken to mean "to the
            end".
        name: how error messages call it.

    Raises:
        WavError: see `read_wav`.
    """
    if data[:4] in (b"RF64", b"RIFX") or data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        raise WavError(f"{name}: not a RIFF WAV file; {_CONVERT}")
    layout: _Layout | None = None
    at = 12
    while at + 8 <= len(data):
        tag = data[at : at + 4]
        size = int.from_bytes(data[at + 4 : at + 8], "little")
        body = data[at + 8 : at + 8 + size]
        if tag == b"fmt ":
            layout = _layout(body, name)
        elif tag == b"data":
            if layout is None:
                raise WavError(f"{name}: its data comes before its format; {_CONVERT}")
            if size == 0:  # a pipe's header: the writer did not know yet
                body = data[at + 8 :]
            pcm = _mono(_sixteen_bits(body, layout), layout.channels)
            if not pcm:
                raise WavError(f"{name}: holds no sound")
            return Sound(layout.rate, pcm)
        at += 8 + size + size % 2
    raise WavError(f"{name}: has no data chunk; is it cut off?")


class WavWriter:
    """Writes s16le mono as it comes. The file is a valid WAV after every `write`, even if the
    program dies."""

    def __init__(self, path: str | Path, rate: int = RATE) -> None:
        """Create or overwrite `path`. Raises `WavError` when that is not possible."""
        try:
            self._under = Path(path).open("wb")  # noqa: SIM115 - closed by close()
        except OSError as error:
            raise WavError(f"{path}: {error.strerror or error}") from error
        self._file = wave.open(self._under, "wb")  # noqa: SIM115 - likewise
        self._file.setnchannels(1)
        self._file.setsampwidth(SAMPLE_BYTES)
        self._file.setframerate(rate)
        self._rate = rate
        self._file.writeframes(b"")

    @property
    def seconds(self) -> float:
        """How much has been written."""
        return self._file.tell() / self._rate

    def write(self, pcm: bytes) -> None:
        """Append whole samples of s16le mono."""
        self._file.writeframes(pcm)

    def close(self) -> None:
        """Idempotent."""
        self._file.close()
        self._under.close()

    def __enter__(self) -> WavWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def write_wav(path: str | Path, pcm: bytes, rate: int = RATE) -> None:
    """Write s16le mono in one go."""
    with WavWriter(path, rate) as file:
        file.write(pcm)


@dataclass(frozen=True, slots=True)
class _Layout:
    rate: int
    channels: int
    bits: int
    floating: bool


def _layout(body: bytes, name: str) -> _Layout:
    """The `fmt ` chunk; sources: Microsoft's WAVEFORMATEX and WAVEFORMATEXTENSIBLE."""
    if len(body) < 16:
        raise WavError(f"{name}: its format chunk is cut off")
    code, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", body)
    if code == _EXTENSIBLE and len(body) >= 26:
        (code,) = struct.unpack_from("<H", body, 24)
    usable = (code == _PCM and bits in (8, 16, 24, 32)) or (code == _FLOAT and bits == 32)
    if not usable:
        what = _COMPRESSED.get(code, f"format {code:#06x} with {bits} bits")
        raise WavError(f"{name}: holds {what}, not PCM; {_CONVERT}")
    if channels == 0 or rate == 0:
        raise WavError(f"{name}: says it has {channels} channels at {rate} Hz")
    return _Layout(rate, channels, bits, code == _FLOAT)


def _sixteen_bits(body: bytes, layout: _Layout) -> array.array[int]:
    """Any sample width to 16 bits, native order; an incomplete last sample block is dropped."""
    width = layout.bits // 8
    body = body[: len(body) - len(body) % (width * layout.channels)]
    if layout.floating:
        floats = array.array("f", body)
        if sys.byteorder == "big":
            floats.byteswap()
        return array.array("h", [_clip(value) for value in floats])
    little = bytearray(len(body) // width * SAMPLE_BYTES)
    if width == 1:  # the only width that is unsigned
        little[1::2] = body.translate(_UNSIGNED)
    else:  # the two most significant bytes of each sample
        little[0::2] = body[width - 2 :: width]
        little[1::2] = body[width - 1 :: width]
    samples = array.array("h", bytes(little))
    if sys.byteorder == "big":
        samples.byteswap()
    return samples


def _mono(samples: array.array[int], channels: int) -> bytes:
    if channels > 1:
        mixed = zip(*(samples[channel::channels] for channel in range(channels)), strict=True)
        samples = array.array("h", [sum(each) // channels for each in mixed])
    if sys.byteorder == "big":
        samples.byteswap()
    return samples.tobytes()


def _clip(value: float) -> int:
    if value != value:  # not a number
        return 0
    return int(max(-32768.0, min(32767.0, value * 32768.0)))


_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
_COMPRESSED = {
    2: "ADPCM",
    6: "G.711 A-law",
    7: "G.711 µ-law",
    17: "IMA ADPCM",
    49: "GSM",
    85: "MP3",
}
_CONVERT = "convert it with: ffmpeg -i IN -ac 1 -ar 16000 -c:a pcm_s16le OUT.wav"
_UNSIGNED = bytes((value - 128) % 256 for value in range(256))
