"""Of languages that are found out by themselves."""

from __future__ import annotations

from pydantic import Field

from translink.settings.part import Part


class DetectionSettings(Part):
    """For legs with `language = "auto"`: how their language is found from the first seconds of speech."""

    speech: float = Field(1.5, ge=0.3, le=10)
    """Seconds of speech after which the recogniser is asked; a talker who says less and pauses is asked
    about sooner."""
    confidence: float = Field(0.7, ge=0.1, le=1)
    """From which on its answer holds (0 to 1). Below, it is asked again with each further second of
    speech."""
    wait: float = Field(6.0, ge=1, le=30)
    """Seconds from the first word until the likeliest candidate is taken, else the first of the list; and
    likewise from the other party's first sentence until it is translated into that one."""
