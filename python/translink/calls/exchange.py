"""Calls made on request: legs opened on ports of a range, for one call, and given back after it.

Binding is the test whether a port is free, so that two requests, or another program, cannot get the
same one. The range is gone through in a circle: a port that was just given back comes last, and
stragglers of its call find nobody.
"""

from __future__ import annotations

import errno
import random
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog
from pydantic import SecretStr

from translink.calls.leg import Leg, LegConnection
from translink.calls.orders import Orders
from translink.calls.shortage import NO_MEMORY, MemoryShortage
from translink.settings.lag import WITHOUT_VOICE
from translink.settings.legs import LegSettings
from translink.settings.types import TOKEN_LENGTH, Address, has_port, port_range

if TYPE_CHECKING:
    from translink.calls.call import Call
    from translink.calls.switchboard import Switchboard
    from translink.media import MediaLeg
    from translink.providers.services import Services
    from translink.settings.lag import Original
    from translink.settings.legs import CallSettings, Rate, ReplyFormat, RtpFormat, Transport

log = structlog.get_logger("translink")

NO_ORDERS = Orders()
CALL_RECEIVE_BUFFER = 200_000
"""Bytes for a leg that is opened for one call: some 3 s of datagrams, and what any kernel grants by default."""


class Refused(Exception):
    """The call cannot be made; `busy`: but perhaps later."""

    def __init__(self, reason: str, *, busy: bool) -> None:
        super().__init__(reason)
        self.busy = busy


_Place = tuple["LegSettings", "MediaLeg"]
"""What a leg is opened with."""


@dataclass(frozen=True, slots=True)
class LegWish:
    """What is asked for: one side of a call."""

    language: str
    """Or `auto`: one of `candidates`."""
    candidates: tuple[str, ...] = ()
    name: str | None = None
    """None = one is made."""
    play_to: Address | None = None
    """None = where its datagrams come from."""
    send_from_listen: bool = True
    source: str | None = None
    """Whose datagrams count: `ip` or `ip:port`. None = the first that comes."""
    voice: str | None = None
    voice_for: str | None = None
    original: Original = "replace"
    """What it hears of the other talker's own voice."""
    transport: Transport = "raw"
    """What its datagrams are; and likewise the next ones, as in `LegSettings`."""
    format: RtpFormat = "slin16"
    reply: ReplyFormat | None = None
    rate: Rate = 16_000
    keyterm: tuple[str, ...] = ()
    """What is likely to be said there."""
    record: bool | None = None
    """Whether what is said and heard there is recorded; None: as it is set for all."""
    shared: bool = False
    """At the shared port, and nowhere else: known by a token without a source; with a host, by being the first."""
    audiosocket: bool = False
    """Its audio comes over a connection of AudioSocket, and not in datagrams."""

    @property
    def tells_its_port(self) -> bool:
        """`source` is one sender, and not a host with many."""
        return self.source is not None and has_port(self.source)


def refuse_voiceless(leg: LegWish | LegSettings, services: Services) -> None:
    """Raises `ValueError` if its party could never be spoken to: each sentence would be unspoken."""
    if leg.original in WITHOUT_VOICE:
        return
    for language in leg.candidates or (leg.language,):
        if not services.speaks(language, leg.voice):
            raise ValueError(
                f"language: there is no voice for {language}; name a voice, another vendor in speak "
                "(docs/languages.md), or original = captions"
            )


class Exchange:
    """Makes calls on request, and opens their legs."""

    def __init__(
        self,
        settings: CallSettings,
        switchboard: Switchboard,
        *,
        open_leg: Callable[[LegSettings], MediaLeg],
        shares: bool = False,
    ) -> None:
        """`open_leg` opens a leg's sockets, or raises `OSError` or `MemoryError`; `shares`: there is a shared
        port, for legs whose sender is known."""
        self._settings = settings
        self._switchboard = switchboard
        self._open = open_leg
        self._shares = shares
        self._ports = port_range(settings.ports)
        self._next = 0
        self._shortage = MemoryShortage(switchboard.pressure)
        self.expect: Callable[[Leg], LegConnection] | None = None
        """Takes a connection of AudioSocket for a leg, when it comes; None: nobody does."""

    def begin_anywhere(self) -> None:
        """The next port is any: others may still send to those that a process before us gave out."""
        self._next = random.randrange(0, len(self._ports), 2)

    def create(self, wishes: tuple[LegWish, LegWish], orders: Orders = NO_ORDERS) -> Call:
        """A running call whose sockets are open. Raises `Refused`, and `ValueError` for vendors and voices
        that cannot be had; nothing is left open then."""
        board = self._switchboard
        vendors = board.vendors.having(orders)
        for wish in wishes:
            refuse_voiceless(wish, vendors.services)
        now = time.monotonic()
        if (reason := board.refuses(now)) is not None:
            board.pressure.give_up("calls")
            raise Refused(reason, busy=True)
        if self._created() >= 2 * self._settings.max_created:
            raise Refused(
                f"{self._settings.max_created} created calls are running (calls.max_created)",
                busy=True,
            )
        if self.expect is None and any(wish.audiosocket for wish in wishes):
            raise Refused("audiosocket.listen is not set: no connection is taken", busy=False)
        name = board.next_name("c")
        one, two = (wish.name or f"{name}.{side}" for side, wish in enumerate(wishes, 1))
        for leg in (one, two):
            if leg in board.legs or one == two:
                raise Refused(f"a leg is called {leg} already", busy=False)
        first = Leg(*self._place(one, wishes[0]), two, created=True)
        try:
            second = Leg(*self._place(two, wishes[1]), one, created=True, second=True)
        except BaseException:
            first.media.remove()
            raise
        board.pressure.admitted(now)
        log.info("call created", call=name, legs=[one, two])
        for made, wish in zip((first, second), wishes, strict=True):
            if wish.audiosocket and self.expect is not None:
                made.connection = self.expect(made)
        return board.create(name, (first, second), vendors)

    def refuse_language(self, leg: Leg, language: str, original: Original) -> None:
        """Raises `ValueError` if its party, whose ear hears `original`, could never be spoken to in it by the
        usual voice, which is what a change of language leaves."""
        refuse_voiceless(LegWish(language, original=original), self._services(leg))

    def refuse_original(self, leg: Leg, original: Original) -> None:
        """Raises `ValueError` if its ear heard no translation until now, is to hear one, and could never be spoken
        to: as captions its language needed no voice."""
        if leg.hearing.original in WITHOUT_VOICE and original not in WITHOUT_VOICE:
            wish = LegWish(leg.language, voice=leg.settings.voice, original=original)
            refuse_voiceless(wish, self._services(leg))

    def _services(self, leg: Leg) -> Services:
        """Of its call, or of its next one."""
        if leg.call is not None:
            return leg.call.services
        board = self._switchboard
        return board.vendors.of(leg.settings, board.legs[leg.other].settings).services

    def _created(self) -> int:
        return sum(leg.created for leg in self._switchboard.legs.values())

    def _place(self, name: str, wish: LegWish) -> _Place:
        settings = self._settings
        if wish.audiosocket:
            return self._connected(name, wish)
        leg = self._wished(name, wish)
        if wish.shared:
            return self._sharing(leg, wish)
        if self._shares and wish.tells_its_port:
            shared = leg.model_copy(update={"shared": True, "send_from_listen": True})
            # Another leg has that sender, or a process before us the port: one of its own does as well.
            if (media := self._opened(shared)) is not None:
                return shared, media
        for _ in self._ports:
            port = self._ports[self._next % len(self._ports)]
            self._next += 1
            placed = leg.model_copy(update={"listen": Address(settings.host, port)})
            if (media := self._opened(placed)) is not None:
                return placed, media
        raise Refused(f"no port of calls.ports = {settings.ports} is free", busy=True)

    def _sharing(self, leg: LegSettings, wish: LegWish) -> _Place:
        if not self._shares:
            raise Refused("shared_port.listen is not set: no leg can be there", busy=False)
        token = None if wish.source else SecretStr(secrets.token_hex(TOKEN_LENGTH // 2))
        pinned = wish.source is not None and not wish.tells_its_port
        how = {"shared": True, "send_from_listen": True, "token": token, "pinned": pinned}
        shared = leg.model_copy(update=how)
        if (media := self._opened(shared)) is not None:
            return shared, media
        if wish.source is None:
            raise Refused("another process still has shared_port.listen", busy=True)
        raise Refused(f"another leg of the shared port has, or waits for, {wish.source}", busy=True)

    def _wished(self, name: str, wish: LegWish) -> LegSettings:
        return LegSettings(
            name=name,
            language=wish.language,
            candidates=wish.candidates,
            listen=Address(self._settings.host, 0),
            play_to=wish.play_to,
            send_from_listen=wish.send_from_listen,
            source="first" if wish.source is None else (wish.source,),
            voice=wish.voice,
            voice_for=wish.voice_for,
            keyterm=wish.keyterm,
            original=wish.original,
            record=wish.record,
            transport=wish.transport,
            format=wish.format,
            reply=wish.reply,
            rate=wish.rate,
            receive_buffer=CALL_RECEIVE_BUFFER,
        )

    def _opened(self, leg: LegSettings) -> MediaLeg | None:
        """None: its place is taken. Raises `Refused`."""
        try:
            return self._open(leg)
        except MemoryError as error:
            self._shortage.refused(leg.name)
            raise Refused(NO_MEMORY, busy=True) from error
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return None
            reason = f"{leg.listen} cannot be used: {error.strerror or error}"
            raise Refused(reason, busy=True) from error

    def _connected(self, name: str, wish: LegWish) -> _Place:
        leg = LegSettings(
            name=name,
            language=wish.language,
            candidates=wish.candidates,
            voice=wish.voice,
            voice_for=wish.voice_for,
            keyterm=wish.keyterm,
            original=wish.original,
            record=wish.record,
            receive_buffer=CALL_RECEIVE_BUFFER,
        )
        try:
            return leg, self._open(leg)
        except MemoryError as error:
            self._shortage.refused(leg.name)
            raise Refused(NO_MEMORY, busy=True) from error
        except OSError as error:
            raise Refused(f"no leg can be opened: {error}", busy=True) from error
