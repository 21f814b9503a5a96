"""Where sound can be cut without cutting a word: at pauses, found by their quiet. Sans-IO.

For synthetic speech, which has no background noise. Callers' audio is `speech`'s business.
"""

from __future__ import annotations

from array import array

from translink.results import RATE


def samples_of(pcm: bytes | bytearray) -> array[int]:
    """Samples of s16le audio."""
    samples = array("h")
    samples.frombytes(pcm)
    return samples


def is_loud(pcm: bytes) -> bool:
    """Whether anything can be heard in it.

    In steps that end at the first sound: all of a long piece at once took 1-2 ms of the calls' loop.
    """
    samples = samples_of(pcm)
    steps = range(0, len(samples), _WINDOW)
    return any(not _below(samples[start : start + _WINDOW], _INAUDIBLE_PEAK) for start in steps)


def last_pause(samples: array[int]) -> int:
    """End of the last pause in `samples`, or 0."""
    for window in range(len(samples) // _WINDOW - 2, -1, -1):
        if _quiet(samples, window):
            return (window + 2) * _WINDOW
    return 0


def nearest_pause(samples: array[int], place: int) -> int:
    """End of the pause nearest to `place`, or `place` itself if none is near."""
    home = place // _WINDOW
    for away in range(_PAUSE_REACH // _WINDOW + 1):
        for window in (home - away - 2, home + away - 2):
            if 0 <= window <= len(samples) // _WINDOW - 2 and _quiet(samples, window):
                return (window + 2) * _WINDOW
    return place


def _quiet(samples: array[int], window: int) -> bool:
    """Whether two windows from `window` on are a pause."""
    return _below(samples[window * _WINDOW : (window + 2) * _WINDOW], _PAUSE_PEAK)


def _below(samples: array[int], peak: int) -> bool:
    return max(samples) < peak and min(samples) > -peak


_WINDOW = RATE // 100
_PAUSE_REACH = RATE // 4
"""How far from its guess `nearest_pause` looks: 250 ms, about a word."""
_PAUSE_PEAK = 400
"""Peak of a pause: -38 dBFS. Synthetic speech has no background noise and peaks near full scale."""
_INAUDIBLE_PEAK = 100
"""Peak of what nobody hears: -50 dBFS."""
