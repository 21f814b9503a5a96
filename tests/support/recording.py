"""WAV files, written by the standard library and not by what is tested."""

from __future__ import annotations

import io
import wave


def recording(pcm: bytes, rate: int = 16_000) -> bytes:
    """A file with this s16le mono in it."""
    file = io.BytesIO()
    with wave.open(file, "wb") as write:
        write.setparams((1, 2, rate, 0, "NONE", ""))
        write.writeframes(pcm)
    return file.getvalue()
