"""Calls between two browsers: a talk has two links, and those who open one are parties of its call.

A talk outlives its calls: when one has ended, both links make the next. Of a token only its digest is kept.
Bounds: `MOST_TALKS`; one more takes the place of the one that was used longest ago and has nobody in it. One
that nobody has used for `UNUSED_TIME` is gone.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import secrets
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import structlog

from translink.calls.exchange import Refused
from translink.pbx.guest import Guest
from translink.pbx.line import Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from translink.observe.journal import Journal
    from translink.pbx.desk import Desk, Seat

log = structlog.get_logger("translink")

MOST_TALKS = 32
UNUSED_TIME = 12 * 3_600.0
"""Seconds."""


@dataclass(slots=True)
class _Talk:
    name: str
    digests: tuple[bytes, bytes]
    languages: list[str]
    used: float
    calls: int = 0
    guests: list[Guest | None] = field(default_factory=lambda: [None, None])
    seats: tuple[Seat, Seat] | None = None
    """Of the call that runs, or begins when the other one comes."""
    ending: bool = False
    """One of them has left a call that ran: its last words are being said."""


class TalkDesk:
    """All of a process."""

    def __init__(self, desk: Desk, journal: Journal, languages: tuple[str, ...]) -> None:
        """`languages`: those that can be chosen; the first two are a talk's to begin with."""
        self.languages = languages
        self._desk = desk
        self._journal = journal
        self._talks: list[_Talk] = []

    def create(self) -> tuple[str, str]:
        """Tokens for both sides. Raises `Refused`: as for a call, since nobody could talk over them now."""
        with _as_refused():
            self._desk.may_begin()
        if len(self._current()) >= MOST_TALKS:
            idle = [talk for talk in self._talks if not any(talk.guests)]
            if not idle:
                raise Refused(f"{MOST_TALKS} talks are running", busy=True)
            self._talks.remove(min(idle, key=lambda talk: talk.used))
        one, two = secrets.token_urlsafe(16), secrets.token_urlsafe(16)
        languages = [*self.languages, *self.languages][:2]
        name = self._desk.next_name("talk")  # its calls and legs are called after it
        digests = _digest(one), _digest(two)
        self._talks.append(_Talk(name, digests, languages, time.monotonic()))
        log.info("talk made", talk=name)
        return one, two

    def join(self, token: str, language: str) -> Guest:
        """A place for the party with the token; it waits for its connection. Raises `Refused`."""
        talk, side = self._find(token)
        if language not in self.languages:
            raise Refused("that language is not spoken here", busy=False)
        if talk.guests[side] is not None:
            raise Refused("somebody talks over this link already", busy=True)
        if talk.ending:
            raise Refused("the last call is just ending", busy=True)
        talk.used = time.monotonic()
        talk.languages[side] = language
        if talk.seats is None:
            talk.calls += 1
            one, two = talk.languages
            hang_ups = tuple(functools.partial(self._hang_up, talk, each) for each in (0, 1))
            name = f"{talk.name}-{talk.calls}"
            with _as_refused():
                talk.seats = self._desk.seize_pair(name, (one, two), hang_ups, connected=True)
        seat = talk.seats[side]
        if seat.leg.language != language:
            seat.leg.set_language(language)
        guest = talk.guests[side] = Guest(
            seat.leg.name,
            "browser",
            self._journal,
            languages=frozenset(self.languages),
            on_left=functools.partial(self._left, talk, side),
        )
        guest.sit(seat)
        return guest

    def _current(self) -> list[_Talk]:
        """The talks that are left: nobody has used the others for too long."""
        now = time.monotonic()
        self._talks = [
            talk for talk in self._talks if now - talk.used < UNUSED_TIME or any(talk.guests)
        ]
        return self._talks

    def _find(self, token: str) -> tuple[_Talk, int]:
        digest = _digest(token)
        for talk in self._current():
            for side, known in enumerate(talk.digests):
                if secrets.compare_digest(digest, known):
                    return talk, side
        raise Refused("there is no such link, or not any more", busy=False)

    def _hang_up(self, talk: _Talk, side: int) -> None:
        if (guest := talk.guests[side]) is not None:
            guest.hang_up()

    def _left(self, talk: _Talk, side: int) -> None:
        talk.used = time.monotonic()
        talk.guests[side] = None
        seats, other = talk.seats, talk.guests[1 - side]
        if seats is None:
            return
        room = seats[0].room
        began = room is not None and room.began
        talk.ending = began and other is not None
        if other is None:
            talk.seats = None
            seats[1 - side].leave("nobody came")
        elif not began:
            other.hang_up()  # their place's other half is gone: they come again


@contextlib.contextmanager
def _as_refused() -> Iterator[None]:
    try:
        yield
    except Unavailable as refusal:
        raise Refused(str(refusal), busy=refusal.busy) from None


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode(errors="replace")).digest()
