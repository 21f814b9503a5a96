"""A word's number as sound that survives being stretched.

A word is one chord of four tones, steady from its beginning to its end. Each tone is one of sixteen
of its group and so a digit; three digits are the number, the fourth checks them (any one digit
misread is noticed, and of two and more fifteen in sixteen cases). All tones are multiples of 100 Hz:
the chord repeats itself every 10 ms, and leaving out or repeating periods, which is what pitch-true
stretching does, leaves the same chord. How long it lasts says nothing.

Finding it: the spectrum of 20 ms, every 10 ms. A window is read where in every group one tone
stands out, the four are about as loud, and the check agrees; windows across the border of two words
are not. A run of windows that read the same is a word. Level does not matter.
"""

from __future__ import annotations

import math
from array import array
from dataclasses import dataclass
from functools import cache

from translink.errors import TranslinkError
from translink.results import RATE

NUMBERS = 16**3
WRONG_NUMBER = NUMBERS - 1
"""The number of every word that nobody said."""
HOP = RATE // 100
"""Samples from window to window, and the period of every chord."""


@dataclass(frozen=True, slots=True)
class Chord:
    """A word that was found."""

    number: int
    start: int
    """First sample of its first window."""
    end: int
    """One past its last window."""


def chord(number: int, samples: int) -> bytes:
    """16 kHz s16le: a word of this length, faded in and out over 2 ms. Raises `ValueError`."""
    period = _period(number)
    pcm = array("h", (period * (samples // HOP + 1))[: 2 * samples])
    for n in range(min(_FADE, samples // 2)):
        gain = (n + 1) / _FADE
        pcm[n] = round(pcm[n] * gain)
        pcm[samples - 1 - n] = round(pcm[samples - 1 - n] * gain)
    return pcm.tobytes()


def find_chords(pcm: bytes) -> list[Chord]:
    """All words in 16 kHz s16le mono, in order. Raises `TranslinkError` without numpy."""
    found: list[Chord] = []
    for window, number in enumerate(_read(pcm)):
        if number is None:
            continue
        start = window * HOP
        before = found[-1] if found else None
        if before is not None and before.number == number and start - before.end <= _SEAM:
            found[-1] = Chord(number, before.start, start + 2 * HOP)
        else:
            found.append(Chord(number, start, start + 2 * HOP))
    return [each for each in found if each.end - each.start > 2 * HOP]


def digits(number: int) -> tuple[int, int, int, int]:
    """Of a number, the check last. Raises `ValueError`."""
    if not 0 <= number < NUMBERS:
        raise ValueError(f"number must be 0..{NUMBERS - 1}, not {number}")
    high, middle, low = number >> 8, number >> 4 & 15, number & 15
    return high, middle, low, (high + 3 * middle + 5 * low + 7) % 16


@cache
def _period(number: int) -> bytes:
    tones = [_LOWEST + 16 * group + digit for group, digit in enumerate(digits(number))]
    samples = array("h")
    for n in range(HOP):
        wave = sum(
            math.sin(math.tau * (tone * n / HOP + place * 0.3)) for place, tone in enumerate(tones)
        )
        samples.append(round(_AMPLITUDE * wave))
    return samples.tobytes()


def _read(pcm: bytes) -> list[int | None]:
    """The number of each window; None where there is none."""
    try:
        import numpy as np
    except ImportError as error:
        raise TranslinkError("finding words in sound needs numpy: pip install numpy") from error
    samples = np.frombuffer(pcm[: len(pcm) // 2 * 2], "<i2")
    read: list[int | None] = []
    if len(samples) < 2 * HOP:
        return read
    windows = np.lib.stride_tricks.sliding_window_view(samples, 2 * HOP)[::HOP]
    weights = np.array([1, 3, 5])
    for at in range(0, len(windows), _WINDOWS_AT_ONCE):
        part = windows[at : at + _WINDOWS_AT_ONCE].astype(np.float32)
        power = np.abs(np.fft.rfft(part, axis=1)) ** 2
        # Bins are 50 Hz apart, tones 100.
        groups = power[:, 2 * _LOWEST : 2 * (_LOWEST + 64) : 2].reshape(-1, 4, 16)
        tones = groups.max(axis=2)
        digit = groups.argmax(axis=2)
        total = power[:, 1:].sum(axis=1)
        clear = tones.sum(axis=1) > _CLEAR * total
        clear &= (tones > _STANDS_OUT * groups.sum(axis=2)).all(axis=1)
        clear &= tones.min(axis=1) > _EVEN * tones.max(axis=1)
        clear &= (part**2).mean(axis=1) > _QUIET_RMS**2
        clear &= (digit[:, :3] @ weights + 7) % 16 == digit[:, 3]
        numbers = digit[:, 0] * 256 + digit[:, 1] * 16 + digit[:, 2]
        read += [int(n) if ok else None for n, ok in zip(numbers, clear, strict=True)]
    return read


_LOWEST = 5
"""Hundreds of Hz; the highest is 6,800 Hz."""
_AMPLITUDE = 2_500
"""Of each tone."""
_FADE = RATE // 500
_SEAM = RATE // 10
"""Samples without a reading, as where stretching did not fit, within which the same number is the same
word: said again by another utterance it comes later."""
_CLEAR = 0.6
_STANDS_OUT = 0.75
_EVEN = 0.2
"""Power of the weakest tone beside the strongest."""
_QUIET_RMS = 50.0
_WINDOWS_AT_ONCE = 4_000
