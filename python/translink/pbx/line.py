"""One telephone's way through Asterisk: its channel and our media channel in a bridge of their own.

Sans-IO. Everybody has a bridge of their own, so that nobody hears themselves; and ids of ours begin
with our prefix, so that a successor knows what it finds. Measured with Asterisk 22.10.1: `addChannel`
before the media channel's own StasisStart is refused (422), and a caller who hangs up is seen by
StasisEnd alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

SETTING_UP = 5.0
"""Seconds until a line must be through; 50 ms are usual."""

ANSWERS = 6
"""Times that is asked for what may be asked for twice: a connection that broke is no refusal."""
NORMAL, BUSY, NO_ANSWER, OUT_OF_ORDER, UNKNOWN = 16, 17, 19, 38, 1
"""Causes of Q.850, which Asterisk uses."""

Answer = Callable[[int, object], None]
"""Takes an HTTP status (0 = there was no answer) and the JSON."""


class Unavailable(Exception):
    """There is no place; `busy`: but perhaps later."""

    def __init__(self, reason: str, *, busy: bool) -> None:
        super().__init__(reason)
        self.busy = busy


class Place(Protocol):
    """Where the line's audio goes: see `desk.Seat`."""

    def arrive(self) -> None:
        """The audio is through, both ways."""

    def leave(self, reason: str) -> None:
        """The line is over."""

    def hold(self, on: bool) -> None:
        """The other end holds the line, or goes on."""

    def digit(self, key: str) -> None:
        """The party pressed a key."""


class Medium(Protocol):
    """How a leg's audio comes from Asterisk and goes there."""

    def query(self) -> Mapping[str, str]:
        """Parameters of externalMedia."""

    def made(self, channel: Mapping[str, object]) -> None:
        """The media channel as Asterisk made it."""

    def close(self) -> None:
        """It is not wanted any more. Idempotent."""


class Asking(Protocol):
    """What a line asks its controller for."""

    def ask(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        then: Answer | None = None,
        tries: int = 1,
    ) -> None:
        """Send a request; send it again when there is no answer, up to so many times in all."""

    def delete(self, path: str) -> None:
        """Take something away, until it is gone."""

    def over(self, line: Line) -> None:
        """The line is over."""


class Line:
    """One of them. Its end comes once, from whichever side."""

    def __init__(
        self,
        controller: Asking,
        name: str,
        channel: str,
        place: Place,
        medium: Medium,
        *,
        app: str,
        up: bool,
        now: float,
    ) -> None:
        """`name` begins the ids of what is made for it; `up`: the channel is answered already."""
        self.name = name
        self.channel = channel
        self.media = f"{name}-media"
        self.bridge = f"{name}-bridge"
        self.through = False
        self.ended = ""
        """The reason, once it is over."""
        self.due = now + SETTING_UP
        """When it must be through."""
        self.media_made = False
        self._controller = controller
        self._place = place
        self._medium = medium
        self._app = app
        self._up = up
        self._bridged = False
        self._media_in = False
        self._joining = False

    def set_up(self) -> None:
        """Ask Asterisk for everything that the line needs."""
        query = {"type": "mixing", "name": self.name}
        self._controller.ask("POST", f"/bridges/{self.bridge}", query, self._bridge_made, ANSWERS)
        query = {"app": self._app, "channelId": self.media, **self._medium.query()}
        self._controller.ask("POST", "/channels/externalMedia", query, self._channel_made)

    def media_came(self) -> None:
        """The media channel is in our application."""
        self._media_in = True
        self._join()

    def serves(self, place: Place) -> bool:
        """Whether it is this place's."""
        return self._place is place

    def hold(self, on: bool) -> None:
        """See `Place`."""
        self._place.hold(on)

    def digit(self, key: str) -> None:
        """See `Place`."""
        self._place.digit(key)

    def end(self, reason: str, cause: int | None = NORMAL) -> None:
        """Undo everything. `cause` = with which the telephone is hung up; None = it is gone."""
        if self.ended:
            return
        self.ended = reason
        if cause is not None:
            self._controller.delete(f"/channels/{self.channel}?reason_code={cause}")
        self._controller.delete(f"/channels/{self.media}")
        self._controller.delete(f"/bridges/{self.bridge}")
        self._medium.close()
        self._place.leave(reason)
        self._controller.over(self)

    def _bridge_made(self, status: int, body: object) -> None:
        if self.ended:
            self._controller.delete(f"/bridges/{self.bridge}")
        elif status != 200:
            self._failed("no bridge", status, body)
        else:
            self._bridged = True
            self._join()

    def _channel_made(self, status: int, body: object) -> None:
        if self.ended:
            self._controller.delete(f"/channels/{self.media}")
        elif status != 200 or not isinstance(body, dict):
            self._failed("no media channel", status, body)
        else:
            self.media_made = True
            self._medium.made(body)
            self._join()

    def _join(self) -> None:
        if self.ended or self._joining:
            return
        if self._bridged and self._media_in and self.media_made:
            self._joining = True
            if self._up:
                self._add(204, None)
            else:
                path = f"/channels/{self.channel}/answer"
                self._controller.ask("POST", path, None, self._add, ANSWERS)

    def _add(self, status: int, body: object) -> None:
        if self.ended:
            return
        if status != 204:
            self._failed("not answered", status, body)
            return
        query = {"channel": f"{self.channel},{self.media}"}
        self._controller.ask(
            "POST", f"/bridges/{self.bridge}/addChannel", query, self._added, ANSWERS
        )

    def _added(self, status: int, body: object) -> None:
        if self.ended:
            return
        if status != 204:
            self._failed("not in its bridge", status, body)
            return
        self.through = True
        self._place.arrive()

    def _failed(self, what: str, status: int, body: object) -> None:
        said = body.get("message", "") if isinstance(body, dict) else ""
        self.end(f"{what}: Asterisk says {status} {said}".rstrip(), OUT_OF_ORDER)
