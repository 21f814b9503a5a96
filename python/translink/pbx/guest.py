"""A party that came by itself over a WebSocket: its seat, its connection, what it is sent and says.

A page is sent JSON messages beside its audio (`captions`) and may send two: `{"muted": true}` and
`{"language": "fr"}`. What else it says is passed over.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import orjson
import structlog

from translink.pbx.captions import PageCaptions

if TYPE_CHECKING:
    from translink.media import MediaLeg
    from translink.observe.journal import Journal
    from translink.pbx.desk import Seat
    from translink.pbx.opening import WebSocketDialect

log = structlog.get_logger("translink")

UNDERSTOOD = re.compile(r"slin(?:8|12|16|24|32|44|48|96|192)?|ulaw|alaw|g722")
"""Formats of `chan_websocket`: see `rust/core`, `websocket/voice`."""
FORMAT_FIELD = re.compile(r'\bformat"?:\s*"?([\w-]+)')

TWILIO_START_TIME = 1.0
"""Seconds after which somebody of whom nothing is heard is there, too."""
TWILIO_START_LOOK = 0.02
"""Seconds between two looks whether they are."""


class Guest:
    """One party and its connection."""

    def __init__(
        self,
        name: str,
        dialect: WebSocketDialect,
        journal: Journal,
        *,
        languages: frozenset[str] = frozenset(),
        on_left: Callable[[], None] = lambda: None,
    ) -> None:
        """`languages`: those that it may change to; `on_left` is called once when it is gone."""
        self.name = name
        self._dialect = dialect
        self._journal = journal
        self._languages = languages
        self._on_left = on_left
        self._seat: Seat | None = None
        self._captions: PageCaptions | None = None
        self._muted = False
        """It has muted its leg, and nobody else had."""
        self._coming: asyncio.Task[None] | None = None
        """It has not arrived yet."""

    def sit(self, seat: Seat) -> None:
        """Give it its place at a leg."""
        self._seat = seat

    def begin(self, descriptor: int) -> None:
        """Its connection, the handshake done. Raises `OSError`, `LookupError`."""
        seat = self._seat
        assert seat is not None
        media = seat.media
        before = media.counters()["datagrams_in"]
        media.attach(descriptor, dialect=self._dialect)
        media.on_hangup = self._left
        media.on_message = self._said
        if self._dialect == "browser":
            self._captions = PageCaptions(self._journal, seat.leg)
        log.info("WebSocket", leg=seat.leg.name, dialect=self._dialect)
        if self._dialect == "twilio":
            coming = self._come(seat, before)
            self._coming = asyncio.create_task(coming, name=f"twilio-{media.name}")
            return
        seat.arrive()
        if self._captions is not None:
            self._captions.begin()

    async def _come(self, seat: Seat, before: int) -> None:
        """Until its `start` Twilio can be sent nothing, and what is played is lost. Its sound, which it sends
        without a pause, is heard from then on."""
        media, until = seat.media, time.monotonic() + TWILIO_START_TIME
        while media.counters()["datagrams_in"] == before and time.monotonic() < until:  # noqa: ASYNC110 - the engine counts
            await asyncio.sleep(TWILIO_START_LOOK)
        self._coming = None
        seat.arrive()

    def hang_up(self) -> None:
        """The call is over."""
        if self._seat is not None:
            with contextlib.suppress(LookupError, RuntimeError):
                self._seat.media.hang_up()
        self.end("the call is over")

    def end(self, reason: str) -> None:
        """It is gone. Idempotent."""
        seat, self._seat = self._seat, None
        if seat is None:
            return
        if self._coming is not None:
            self._coming.cancel()
        if self._captions is not None:
            self._captions.close()
        seat.media.on_hangup = None
        seat.media.on_message = None
        if self._muted:
            # The leg may be the next party's, who has muted nothing.
            with contextlib.suppress(LookupError, RuntimeError):
                seat.leg.set_sound(volume=None, muted=False)
        seat.leave(reason)
        self._on_left()

    def _left(self) -> None:
        self.end("hung up")

    def _said(self, text: str) -> None:
        if self._seat is None:
            return
        if self._dialect == "asterisk":
            self._started(self._seat.media, text)
            return
        try:
            message = orjson.loads(text)
        except orjson.JSONDecodeError:
            return
        if not isinstance(message, dict):
            return
        muted, language = message.get("muted"), message.get("language")
        leg = self._seat.leg
        if isinstance(muted, bool):
            self._muted = muted and (self._muted or not leg.media.muted)
            leg.set_sound(volume=None, muted=muted)
        if isinstance(language, str) and language in self._languages and language != leg.language:
            leg.set_language(language)
            log.info("language", leg=leg.name, language=language)

    def _started(self, media: MediaLeg, text: str) -> None:
        found = FORMAT_FIELD.search(text)
        if found is not None and not UNDERSTOOD.fullmatch(found[1]):
            log.warning(
                "chan_websocket: its format is not understood; write c(slin16) into the dialplan's Dial",
                leg=media.name,
                format=found[1],
            )
            self.hang_up()
