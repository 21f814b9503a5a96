"""Which party is at which leg: a call begins when both are there and ends when one hangs up.

A leg of the settings takes one party at a time. With a call id, or for a call that we dial, a pair of
legs is opened for that call alone and closed after it.
"""

from __future__ import annotations

import functools
import hashlib
import re
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import structlog
from pydantic import ValidationError

from translink.calls.exchange import CALL_RECEIVE_BUFFER, refuse_voiceless
from translink.calls.leg import Leg
from translink.calls.shortage import NO_MEMORY, MemoryShortage
from translink.pbx.line import Unavailable
from translink.pbx.menu import LanguageChoice, LanguageMenu
from translink.pbx.waiting import WaitingSound
from translink.settings.legs import LegOrders, LegSettings
from translink.settings.types import AUTO

if TYPE_CHECKING:
    from translink.calls.call import Call
    from translink.calls.switchboard import Switchboard
    from translink.media import MediaLeg

log = structlog.get_logger("translink")

NO_PROVIDER_ORDERS: Mapping[str, tuple[str, ...]] = {}
NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_.-]")
LONGEST_CALL_NAME = 30
"""Characters of a call id in the names of its legs."""


class Seat:
    """One party's place at a leg, from before their audio is through until they hang up."""

    def __init__(
        self, desk: Desk, leg: Leg, hang_up: Callable[[], None], room: Room | None
    ) -> None:
        self.leg = leg
        self.hang_up = hang_up
        """Ends the party's connection: the call is over."""
        self.arrived = False
        self.room = room
        self._desk = desk
        self.waiting: WaitingSound | None = None
        self.asked = False
        """They are to be asked for their language first."""
        self._choice: LanguageChoice | None = None
        self._held: tuple[bool, int] | None = None
        """They hold the line: whether the leg was muted before, and its `mute_orders`."""

    @property
    def media(self) -> MediaLeg:
        """Where the audio goes."""
        return self.leg.media

    def arrive(self) -> None:
        """The audio is through, both ways."""
        if self.asked and self._desk.menu is not None:
            self._choice = LanguageChoice(self._desk.menu, self.media, self._chosen)
            self.leg.first_digits = self._choice.pressed
        else:
            self._come()

    def digit(self, key: str) -> None:
        """They pressed a key."""
        self._desk.pressed(self.leg, key)

    def _chosen(self, language: str | None) -> None:
        self._no_choice()
        if language is not None:
            self._desk.chosen(self.leg, language)
        self._come()

    def _no_choice(self) -> None:
        if self._choice is not None:
            self._choice.stop()
            self._choice, self.leg.first_digits = None, None

    def _come(self) -> None:
        self.arrived = True
        self._desk.arrived(self)

    def leave(self, reason: str) -> None:
        """They hung up: what they said is still spoken, then the other one's connection ends.
        Idempotent."""
        self._no_choice()
        self._desk.left(self, reason)

    def hold(self, on: bool) -> None:
        """While they hold the line, what comes (music) is nobody's speech. What an operator says
        meanwhile stays."""
        if on and self._held is None:
            self._held = self.media.muted, self.leg.mute_orders
            self.media.set_muted(True)
        elif not on and self._held is not None:
            (was_muted, orders), self._held = self._held, None
            if orders == self.leg.mute_orders:
                self.media.set_muted(was_muted)


class Room:
    """A pair of legs for one call."""

    def __init__(self, name: str, legs: tuple[Leg, Leg]) -> None:
        self.name = name
        self.legs = legs
        self.began = False

    def other(self, leg: Leg) -> Leg:
        """The one that hears it."""
        return self.legs[1 if leg is self.legs[0] else 0]


class Desk:
    """All seats of the process."""

    def __init__(
        self,
        board: Switchboard,
        open_leg: Callable[[LegSettings], MediaLeg],
        *,
        most: int,
        host: str,
        plan: Mapping[str, object],
        menu: LanguageMenu | None = None,
    ) -> None:
        """`open_leg` opens a leg's sockets, or raises `OSError` or `MemoryError`; `most` = legs opened
        for one call, at once; `host` and `plan`: see `LegSettings.brought`; `menu` = what callers are
        asked first."""
        self._board = board
        self._open = open_leg
        self._most = most
        self._host = host
        self._plan = plan
        self.menu = menu
        self._own: dict[str, LegSettings] = {}
        """Of legs whose party chose another language: what they are when that party has gone."""
        self._seats: dict[str, Seat] = {}
        self._rooms: dict[str, Room] = {}
        self._shortage = MemoryShortage(board.pressure)

    @property
    def legs(self) -> tuple[str, ...]:
        """Legs of the settings whose audio a telephone system brings."""
        return tuple(name for name, leg in self._board.legs.items() if _is_ours(leg))

    @property
    def known(self) -> str:
        """These, for an error."""
        return f"legs are {', '.join(self.legs) or 'none: leave listen out'}"

    def next_name(self, stem: str) -> str:
        """See `Switchboard.next_name`."""
        return self._board.next_name(stem)

    def may_begin(self) -> None:
        """Raises `Unavailable` while no call may: draining, overloaded, stopping. Counted."""
        reason = self._board.refuses(time.monotonic())
        if reason is not None:
            self._board.pressure.give_up("calls")
            raise Unavailable(reason, busy=True)

    def seize(
        self,
        name: str,
        call_id: str,
        hang_up: Callable[[], None],
        *,
        digits_reported: bool = False,
        has_keys: bool = True,
    ) -> Seat:
        """A seat at a leg of the settings; with a call id, at a leg like it for that call alone.
        `digits_reported`: see `Leg`; `has_keys`: they could answer the menu. Raises `Unavailable`."""
        leg = self._board.legs.get(name)
        if leg is None or not _is_ours(leg):
            raise Unavailable(f"no leg {name} for a telephone system; {self.known}", busy=False)
        room = None
        if call_id:
            room = self._room(f"{name}+{leg.other}", leg, call_id)
            leg = room.legs[0] if room.legs[0].name.startswith(f"{name}.") else room.legs[1]
        if leg.name in self._seats:
            raise Unavailable(f"leg {leg.name} is busy", busy=True)
        if room is None:
            self.may_begin()
            if leg.calls:
                raise Unavailable(f"leg {leg.name} still says the last call's words", busy=True)
        seat = self._seat(leg, hang_up, room, digits_reported)
        seat.asked = has_keys
        return seat

    def seize_pair(
        self,
        name: str,
        languages: tuple[str, str],
        hang_ups: tuple[Callable[[], None], ...],
        orders: Mapping[str, tuple[str, ...]] = NO_PROVIDER_ORDERS,
        *,
        digits_reported: bool = False,
        shared: bool = False,
        connected: bool = False,
    ) -> tuple[Seat, Seat]:
        """Two seats for a call of their own. `orders`: stage to vendors, as the legs' own;
        `digits_reported`: see `Leg`; `shared`: their audio comes in at the shared port; `connected`:
        over connections, and no datagram from another machine is to be heard. Raises
        `Unavailable`."""
        self.may_begin()
        if AUTO in languages:
            raise Unavailable("language auto: is for legs of the settings; name one", busy=False)
        names = (f"{name}.1", f"{name}.2")
        host = "127.0.0.1" if connected else self._host
        try:
            own = LegOrders.model_validate(orders)
            wishes = [
                LegSettings(name=leg, language=language, orders=own).brought(
                    host, self._plan, shared=shared
                )
                for leg, language in zip(names, languages, strict=True)
            ]
            vendors = self._board.vendors.of(wishes[0], wishes[1])
            for wish in wishes:
                refuse_voiceless(wish, vendors.services)
        except ValidationError as error:
            raise Unavailable(_in_words(error), busy=False) from None
        except ValueError as error:
            raise Unavailable(str(error), busy=False) from None
        room = self._open_room(name, (wishes[0], wishes[1]))
        one, two = (
            self._seat(leg, hang_up, room, digits_reported)
            for leg, hang_up in zip(room.legs, hang_ups, strict=True)
        )
        return one, two

    def pressed(self, leg: Leg, key: str) -> None:
        """A party pressed a key."""
        self._board.pressed(leg, key)

    def chosen(self, leg: Leg, language: str) -> None:
        """A party chose their language."""
        self._own.setdefault(leg.name, leg.settings)
        self._board.set_chosen_language(leg, language)

    def arrived(self, seat: Seat) -> None:
        """Begin the call if the other one is there, too."""
        leg, room = seat.leg, seat.room
        leg.attend(True)
        other = self._seats.get(leg.other)
        if other is None or not other.arrived:
            log.info("on the line, and waits for the other", leg=leg.name, other=leg.other)
            seat.waiting = WaitingSound(seat.media)
            return
        if other.waiting is not None:
            other.waiting.stop()
        if room is not None:
            room.began = True
            self._board.pressure.admitted(time.monotonic())
            self._board.create(room.name, room.legs)
        else:
            self._board.pressure.admitted(time.monotonic())
            self._board.connect(leg)

    def left(self, seat: Seat, reason: str) -> None:
        """End the call; a room in which nobody is left is closed."""
        leg, room = seat.leg, seat.room
        if self._seats.get(leg.name) is not seat:
            return
        seat.hold(False)
        if seat.waiting is not None:
            seat.waiting.stop()
        del self._seats[leg.name]
        leg.attend(False)
        if leg.call is not None:
            leg.call.end(reason)
        else:
            self._give_back(leg)
        if room is None or room.began or any(each.name in self._seats for each in room.legs):
            return
        self._rooms.pop(room.name, None)
        for each in room.legs:
            each.media.remove()

    def send_away(self) -> None:
        """Hang up those whose call has not begun: it will not."""
        for seat in tuple(self._seats.values()):
            # One that is hung up may take the other one of its pair with it.
            if seat.leg.call is None and self._seats.get(seat.leg.name) is seat:
                log.info("sent away: no new calls", leg=seat.leg.name)
                seat.hang_up()

    def call_over(self, call: Call) -> None:
        """Every word of it was said: the party that is still on the line may go."""
        for name in call.legs:
            if (seat := self._seats.get(name)) is not None:
                seat.hang_up()
            if (leg := self._board.legs.get(name)) is not None:
                self._give_back(leg)
        self._rooms.pop(call.name, None)

    def _give_back(self, leg: Leg) -> None:
        """The next party has not chosen."""
        if leg.name in self._own:
            leg.restore(self._unchosen(leg))
            del self._own[leg.name]

    def _unchosen(self, leg: Leg) -> LegSettings:
        """Its settings as they are for a party who has not chosen. What an operator has changed meanwhile
        stays: whether it is recorded, its terms."""
        own = self._own.get(leg.name)
        if own is None:
            return leg.settings
        was = {"language": own.language, "voice": own.voice, "candidates": own.candidates}
        return leg.settings.model_copy(update=was)

    def _seat(
        self, leg: Leg, hang_up: Callable[[], None], room: Room | None, digits_reported: bool
    ) -> Seat:
        leg.next_party()
        leg.digits_reported = digits_reported
        seat = self._seats[leg.name] = Seat(self, leg, hang_up, room)
        return seat

    def _room(self, pair: str, leg: Leg, call_id: str) -> Room:
        wanted = _call_name(call_id)
        other = self._board.legs[leg.other]
        for name in (f"{leg.name}+{other.name}.{wanted}", f"{other.name}+{leg.name}.{wanted}"):
            if (room := self._rooms.get(name)) is not None:
                if room.began:
                    raise Unavailable(f"call {wanted} has both its parties", busy=True)
                return room
        self.may_begin()
        modes = self._board.own_modes
        one, two = (
            self._unchosen(each).model_copy(
                update={"name": f"{each.name}.{wanted}", "mode": modes.get(each.name)}
            )
            for each in (leg, other)
        )
        return self._open_room(f"{pair}.{wanted}", (one, two), (leg.second, other.second))

    def _open_room(
        self,
        name: str,
        wishes: tuple[LegSettings, LegSettings],
        seconds: tuple[bool, bool] = (False, True),
    ) -> Room:
        if 2 * len(self._rooms) >= self._most:
            raise Unavailable("too many calls of their own (calls.max_created)", busy=True)
        for wish in wishes:
            if wish.name in self._board.legs or wish.name in self._seats:
                raise Unavailable(f"a leg is called {wish.name} already", busy=True)
        opened: list[Leg] = []
        try:
            for wish, other, second in zip(wishes, reversed(wishes), seconds, strict=True):
                small = wish.model_copy(update={"receive_buffer": CALL_RECEIVE_BUFFER})
                media = self._open(small)
                leg = Leg(small, media, other.name, created=True, second=second)
                opened.append(leg)
                # Until the board has the leg: what they say, and their keys for the menu.
                media.on_frames = leg.keep
                media.on_digit = functools.partial(self._board.digit, leg)
        except (OSError, MemoryError) as error:
            for leg in opened:
                leg.media.remove()
            if isinstance(error, MemoryError):
                self._shortage.refused(*(wish.name for wish in wishes))
                raise Unavailable(NO_MEMORY, busy=True) from error
            raise Unavailable(f"no leg can be opened: {error}", busy=True) from error
        room = self._rooms[name] = Room(name, (opened[0], opened[1]))
        return room


def _call_name(call_id: str) -> str:
    """As names have it. Ids that differ only in what a name cannot hold are still two calls."""
    name = NOT_IN_NAMES.sub("_", call_id)[:LONGEST_CALL_NAME]
    if name == call_id:
        return name
    digest = hashlib.sha256(call_id.encode(errors="backslashreplace")).hexdigest()[:8]
    return f"{name[: LONGEST_CALL_NAME - 9]}-{digest}"


def _in_words(error: ValidationError) -> str:
    """What is wrong first, for the log."""
    first = error.errors()[0]
    named = [str(part) for part in first["loc"][:1]]
    if isinstance(first["input"], str):
        named.append(first["input"])
    return f"{' '.join(named)}: {first['msg'].removeprefix('Value error, ')}"


def _is_ours(leg: Leg) -> bool:
    return leg.settings.at_pbx and not leg.created
