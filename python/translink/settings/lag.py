"""Of ears that are behind, and of ears that come back through the mouth."""

from __future__ import annotations

import math
from typing import Annotated, Final, Literal, Self

from pydantic import Field, model_validator

from translink.settings.part import Part

Original = Literal["replace", "duck", "consecutive", "captions", "through"]
"""What an ear hears of the other talker's own voice: see `LegSettings.original`."""
WITHOUT_VOICE: Final = frozenset[Original](("captions", "through"))
"""With these an ear is spoken no translation, and needs no voice."""

Figure = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Curve = tuple[tuple[Figure, Figure], ...]
"""Points (seconds that wait for the ear, factor of speed): linear between them, the last factor
beyond."""

MOST_POINTS = 4
FURTHEST_BEHIND = 50
"""Seconds of sound that wait for an ear which is as far behind as it gets, or some more: the engine
holds 60."""


class LagSettings(Part):
    """What is done for an ear that is behind. By default it is spoken to faster, and no word is
    dropped."""

    fastest: float = Field(1.5, ge=1, le=2)
    """How fast an ear that is behind may be spoken to, at the same pitch; 1 = never faster. 1.5
    keeps up with a talker of 160 words a minute whose translation is a quarter longer (without it
    the ear is 13 s further behind after each minute)."""
    curve: Curve = Field(((0.3, 1.0), (1.5, 1.35), (4.0, 1.5)), max_length=MOST_POINTS)
    """Points: seconds that wait for the ear, how fast it is spoken to then; linear between them, as
    far as `fastest` allows."""
    ask_for_pause: float = Field(0.0, ge=0, le=FURTHEST_BEHIND)
    """From so many seconds behind on, the talker hears a soft tone every 5 s while they go on: please
    pause. 0 = never, because talkers who do not know what it means are disturbed by it. At most the
    time that 50 s of sound take by the curve (33.7): an ear is hardly ever further behind."""
    leave_out: float = Field(0.0, ge=0, le=FURTHEST_BEHIND)
    """From so many seconds behind on, whole segments are left out: shown as text, counted as
    skipped, not spoken. 0 = never: not a word is dropped. The same limit as of `ask_for_pause`."""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        for one, two in zip(self.curve, self.curve[1:], strict=False):
            if not (one[0] < two[0] and one[1] <= two[1]):
                raise ValueError(
                    "curve: seconds should rise from point to point, and factors not fall"
                )
        if self.curve and self.curve[0][1] != 1:
            raise ValueError("curve: should begin with a factor of 1, as in [0.3, 1.0]")
        if self.curve and self.curve[-1][1] > 2:
            raise ValueError("curve: should not be faster than 2")
        if self.leave_out and self.leave_out < self.ask_for_pause:
            raise ValueError("leave_out: should not come before ask_for_pause")
        most = int(10 * _time_of(FURTHEST_BEHIND, self.tempo or ())) / 10
        for name, seconds in (("leave_out", self.leave_out), ("ask_for_pause", self.ask_for_pause)):
            if seconds > most:
                raise ValueError(
                    f"{name}: should be at most {most:g}: an ear that is spoken to as fast as "
                    "fastest and curve say is hardly ever further behind"
                )
        return self

    @property
    def tempo(self) -> Curve | None:
        """For the engine; None = never faster."""
        if self.fastest == 1 or not self.curve:
            return None
        return tuple((seconds, min(factor, self.fastest)) for seconds, factor in self.curve)


def _time_of(sound: float, curve: Curve) -> float:
    """Seconds that so much sound takes, the further behind the ear the faster: see `Curve::time` in the core."""
    took, at, factor = 0.0, 0.0, 1.0
    for seconds, faster in (*curve, (math.inf, curve[-1][1] if curve else 1.0)):
        part = min(seconds, sound) - at
        if part <= 0:
            continue
        slope = (faster - factor) / (seconds - at)
        took += math.log1p(slope * part / factor) / slope if slope else part / factor
        at, factor = at + part, faster
    return took


class EchoSettings(Part):
    """Telephones whose ear comes back through the mouth, as on a speakerphone."""

    guard: bool = False
    """Keep translations from being recognised and translated back, for ever. What is only the echo
    is silence for the recogniser, and finals that repeat what the ear was just played are not
    translated. For every leg without one of its own. Off, because
    it was not tried with real telephones and costs 0.05 % of a core per ear that sounds: switch it on
    where people use speakerphones."""
