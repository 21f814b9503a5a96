"""Of telephone systems: Asterisk over ARI, connections of AudioSocket."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal, Self
from urllib.parse import unquote, urlsplit, urlunsplit

from pydantic import Field, model_validator

from translink.settings.part import Part
from translink.settings.types import AddressSetting, BaseUrl, Host, Key

PbxMedium = Literal["rtp", "audiosocket", "websocket"]


class AriSettings(Part):
    """Calls that an Asterisk hands over: `Stasis(translink,LEG)`."""

    url: BaseUrl | None = None
    """`--ari`: its HTTP server, as in http://127.0.0.1:8088. A user and a password in it are `user` and
    `password`; on the command line a password is refused. None = no Asterisk."""
    listen: AddressSetting | None = None
    """Instead of `url`: where Asterisk connects to (`outbound_websocket`, 22.5 and later); its HTTP server
    may be off."""
    user: str = "translink"
    """A section of ari.conf, with `type = user`; with `listen`, what Asterisk says of itself in
    websocket_client.conf."""
    password: Key | None = None
    """Its password."""
    app: str = Field("translink", pattern=r"^[A-Za-z0-9_]{1,40}$")
    """`--ari-app`: the first word of the dialplan's `Stasis(…)`. One program at a time may have it."""
    media: PbxMedium = "rtp"
    """How the audio comes: `rtp` over UDP, `audiosocket` over TCP, or `websocket` to `websocket.listen` (20.18,
    22.8, 23.2 or later)."""
    websocket_client: str = Field("translink", pattern=r"^[A-Za-z0-9_.-]{1,40}$")
    """With `media = "websocket"`: the section of websocket_client.conf with our address (`translink dialplan`)."""
    format: Literal["slin16", "slin", "alaw", "ulaw", "g722"] = "slin16"
    """What Asterisk sends. AudioSocket and WebSocket have slin16 and slin only."""
    reply: Literal["slin", "alaw", "ulaw", "g722"] | None = None
    """What Asterisk is sent over RTP. None = `g722` for slin16, which it drops when it comes from us,
    else the same as `format`."""
    host: Host = "127.0.0.1"
    """Our address as Asterisk reaches it: there its media come in."""

    @property
    def wanted(self) -> bool:
        """Whether there is an Asterisk."""
        return self.url is not None or self.listen is not None

    @property
    def legs_host(self) -> str:
        """Where its legs have their sockets: over RTP Asterisk sends there, else nobody does."""
        return self.host if self.media == "rtp" else "127.0.0.1"

    @property
    def plan(self) -> Mapping[str, object]:
        """What a leg's settings are when Asterisk brings its audio."""
        if self.media != "rtp":
            return {}
        return {
            "transport": "rtp",
            "format": self.format,
            "reply": self.reply,
            "send_from_listen": True,
        }

    @model_validator(mode="before")
    @classmethod
    def _takes_the_url_apart(cls, given: object) -> object:
        url = given.get("url") if isinstance(given, dict) else None
        if not isinstance(given, dict) or not isinstance(url, str) or "@" not in url:
            return given
        parts = urlsplit(url.strip())
        user, _, password = parts.netloc.rpartition("@")[0].partition(":")
        bare = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
        if "@" in bare:
            raise ValueError(
                "url: should have no @ behind the host; in a password write / as %2F, ? as %3F and # as %23, "
                "or set ari.password"
            )
        taken = {"user": unquote(user), "password": unquote(password)}
        return {**given, **{name: value for name, value in taken.items() if value}, "url": bare}

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if not self.wanted:
            return self
        if self.media == "rtp" and self.host in ("0.0.0.0", "::"):
            raise ValueError(
                "host: should be the address by which Asterisk reaches this machine, as in 192.0.2.7: it is told "
                'so; to hear at every address, set shared_port.listen = "0.0.0.0:7000" besides'
            )
        if self.url is not None and self.listen is not None:
            raise ValueError("listen: either we connect (url) or Asterisk does (listen)")
        if self.password is None:
            raise ValueError(
                "password: is needed, that of the user in ari.conf "
                "(or write it into the URL, but not on the command line: http://user:password@127.0.0.1:8088)"
            )
        if re.match(r"https?://localhost([:/]|$)", self.url or "", re.IGNORECASE):
            raise ValueError(
                "url: should have an address, as in http://127.0.0.1:8088; localhost is ::1 to some "
                "and Asterisk listens at one of the two"
            )
        if self.media != "rtp" and not self.format.startswith("slin"):
            raise ValueError(
                f"format: should be slin16 or slin over {self.media}; Asterisk mislabels others over AudioSocket, "
                "and over TCP they save nothing that counts"
            )
        return self


class AudioSocketSettings(Part):
    """Connections that a dialplan makes: `AudioSocket(UUID,HOST:PORT)` and `Dial(AudioSocket/…)`."""

    listen: AddressSetting | None = None
    """Where they are taken. None = nowhere (with `ari.media = "audiosocket"`: any free port)."""
    legs: dict[str, str] = Field(default_factory=dict)
    """UUID to leg. A UUID left out is that of the leg whose name is in its last twelve digits:
    40325ec2-5efd-4bd3-805f-000000003333 is leg 3333."""
