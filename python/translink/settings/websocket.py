"""Of audio over WebSocket: where it is taken, and from whom."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from translink.settings.part import Part
from translink.settings.types import AddressSetting, Key, Terms, is_loopback

TALK_PROTOCOL = "translink.talk"
"""Subprotocol by which the page `/talk` is known."""


class WebSocketSettings(Part):
    """Connections of Asterisk's `chan_websocket`, of Twilio's Media Streams and of pages of your own."""

    listen: AddressSetting | None = None
    """Where they are taken, at `/media/LEG` and `/media/LEG/CALLID`. None = nowhere."""
    legs: dict[str, str] = Field(default_factory=dict)
    """Name in the path to leg, where the two differ."""
    password: Key | None = None
    """Wanted from Asterisk (`password` in websocket_client.conf, any user) and from programs, as HTTP's
    Basic or Bearer authorization. Needed, or `twilio_token` is, when `listen` is not loopback."""
    twilio_token: Key | None = None
    """Twilio's auth token: streams must be signed with it (`X-Twilio-Signature`)."""
    origins: Terms = ()
    """Pages that may connect, as in `https://calls.example.com`. Others' are refused: without this, any page that
    somebody on this machine opens could listen."""

    @model_validator(mode="after")
    def _is_guarded(self) -> Self:
        guarded = self.password is not None or self.twilio_token is not None
        if self.listen is not None and not is_loopback(self.listen.host) and not guarded:
            raise ValueError(
                "listen: is reachable from outside, so websocket.password or websocket.twilio_token "
                "is needed (or stay at 127.0.0.1)"
            )
        return self
