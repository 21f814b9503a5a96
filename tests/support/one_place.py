"""Talks with a single place, at a real leg: what the admin server's `/talk` hands a page to."""

from __future__ import annotations

import asyncio

from translink._core import Frame
from translink.calls.exchange import Refused
from translink.media import Media
from translink.settings.legs import LegSettings


class OnePlace:
    """The leg says what it is told."""

    def __init__(self, media: Media, token: str = "right") -> None:
        self.token = token
        self.languages = ("en", "fr")
        self.leg = media.add_leg(LegSettings(name="a", language="en"))
        self.loud = 0
        """Frames that came and were no silence."""
        self.over = asyncio.Event()
        self.broken = False
        self.full = False
        self.asked: list[str] = []
        """Languages that were chosen."""
        self.leg.on_frames = self._count
        self.leg.on_message = self.leg.say
        self.leg.on_hangup = self.over.set

    def create(self) -> tuple[str, str]:
        if self.full:
            raise Refused("no port is left", busy=True)
        return self.token, "left"

    def join(self, token: str, language: str) -> OnePlace:
        if token != self.token:
            raise Refused("there is no such link", busy=False)
        self.asked.append(language)
        return self

    def begin(self, descriptor: int) -> None:
        if self.broken:
            raise OSError("broken")
        self.leg.attach(descriptor, dialect="browser")

    def end(self, reason: str) -> None:
        self.over.set()

    def _count(self, frames: list[Frame]) -> None:
        self.loud += sum(frame.rms > 500 for frame in frames)
