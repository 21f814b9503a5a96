"""WAV files: anything in that `translink.audio` reads, 16 kHz s16le mono out."""

from __future__ import annotations

import wave
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from translink.audio import AudioError, WavDecoder
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
        path: a RIFF file with 8, 16, 24 or 32 bit integers, 32 bit floats or G.711, any rate, up to 8
            channels.

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
    decoder = WavDecoder(target=None, mix=True)
    try:
        pcm = decoder.push(data) + decoder.finish()
    except AudioError as error:
        raise WavError(f"{name}: {error}; {_CONVERT}") from error
    if not pcm:
        raise WavError(f"{name}: holds no sound")
    return Sound(decoder.rate, pcm)


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
        """Close the file. Idempotent."""
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


_CONVERT = "convert it with: ffmpeg -i IN -ac 1 -ar 16000 -c:a pcm_s16le OUT.wav"
