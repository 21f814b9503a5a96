"""Taking over from the translink that serves here: `translink serve --take-over`.

Theory of operation
    Everything that may fail or takes time (settings and what they name, see `unusable`; engines, providers'
    warm-up) is done first. Then the predecessor is asked to drain and to give way. It answers from another
    port from then on, and every address but those of the legs in a call is free when its answer comes. Those
    legs come pair by pair, as their calls end: each is tried every `BIND_AGAIN` seconds, for as long as the
    predecessor may drain. What a gateway sends to a leg between the two is lost; its call was over by then.

    Of several workers the process that looks after them asks, once each of them waits for nothing but its
    orders; a worker is told that it was done (`GaveWay`) and fetches its own legs.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import structlog

from translink.commands.addresses import address_of
from translink.commands.control import NOBODY_ANSWERS, ControlError, Target, asked, target_of
from translink.errors import SettingsError
from translink.process.threads import in_thread

if TYPE_CHECKING:
    from translink.media import Media, MediaLeg
    from translink.settings.admin import AdminSettings
    from translink.settings.legs import LegSettings
    from translink.settings.model import Settings

log = structlog.get_logger("translink")

ASK_SECONDS = 12.0
"""For the predecessor's answer."""
BIND_AGAIN = 0.03
"""Seconds between two tries for a leg's port; more where there are many legs."""
BINDS_A_SECOND = 2_000
PULSE = 1.0
"""Seconds between two looks whether the predecessor is still there."""
GRACE_SECONDS = 30.0
"""Beyond the time for which the predecessor said it may drain."""

Pair = tuple["LegSettings", "LegSettings"]


@dataclass(slots=True)
class Predecessor:
    """The process that serves here, until we do."""

    target: Target
    pid: int
    deadline: float = 0.0
    """Monotonic seconds until which its legs are waited for. It moves when the predecessor gets more time."""
    beyond: float = 0.0
    """Seconds of that behind the limit of its drain."""

    async def give_way(self, drain_timeout: float) -> None:
        """Have it drain. Nothing is done where it does already. Raises `ControlError`."""
        if self.deadline:
            return
        body = {"hand_over": True}
        _, state = await in_thread(
            lambda: asked(self.target, "POST", "/api/drain", body), ASK_SECONDS
        )
        left = float(state["left_s"] or 0.0)
        self.beyond = drain_timeout + GRACE_SECONDS
        self.deadline = time.monotonic() + left + self.beyond
        self.target = replace(self.target, url=str(state["admin"]))
        log.info(
            "taking over: another translink gives way, and ends when its calls have ended",
            pid=self.pid,
            its_admin=self.target.url,
            its_calls=len(state["calls"]),
            within_s=left,
        )

    async def gone(self, event: asyncio.Event) -> None:
        """Set `event` once it has ended, or should have long ago."""
        while time.monotonic() < self.deadline:
            await asyncio.sleep(PULSE)
            try:
                _, state = await in_thread(
                    lambda: asked(self.target, "GET", "/api/drain"), ASK_SECONDS
                )
            except ControlError as error:
                if error.code != NOBODY_ANSWERS:  # it is there, and busy
                    continue
                break
            except TimeoutError:
                continue
            if left := float(state.get("left_s") or 0.0):  # else it should have ended
                self.deadline = max(self.deadline, time.monotonic() + left + self.beyond)
        log.info("the process before us has ended", pid=self.pid)
        event.set()


@dataclass(frozen=True, slots=True)
class GaveWay:
    """A process that has given way, as another process is told of it."""

    admin: AdminSettings
    """How it is spoken to: token and certificate."""
    url: str
    """Where it answers now."""
    pid: int
    deadline: float
    """As a predecessor's."""
    beyond: float
    """Likewise."""

    @classmethod
    def of(cls, before: Predecessor, settings: Settings) -> GaveWay:
        """`settings`: those that `before` was found by."""
        return cls(settings.admin, before.target.url, before.pid, before.deadline, before.beyond)

    def predecessor(self, settings: Settings) -> Predecessor:
        """The same, in the process that was told."""
        whole = settings.model_copy(update={"admin": self.admin})
        target = replace(target_of(whole, None, None), url=self.url)
        return Predecessor(target, self.pid, self.deadline, self.beyond)


async def predecessor(settings: Settings) -> Predecessor | None:
    """The server at our own admin address; None: nobody. Raises `SettingsError`, `ControlError`."""
    target = target_of(settings, None, None)
    try:
        _, state = await in_thread(lambda: asked(target, "GET", "/api/drain"), ASK_SECONDS)
    except ControlError as error:
        if error.stranger:
            raise _taken(settings) from None
        if error.untrusted:
            raise SettingsError(
                f"admin.port = {settings.admin.port}: what answers there shows another certificate "
                "than that of admin.tls_cert or admin.tls_self_signed; stop it, or start with the "
                "settings that it has"
            ) from None
        if error.code != NOBODY_ANSWERS:
            raise
        log.info("nobody to take over from", admin=target.url)
        return None
    if not isinstance(pid := state.get("pid"), int):
        raise _taken(settings)
    return Predecessor(target, pid)


def _taken(settings: Settings) -> SettingsError:
    """As by the server that translink replaces, which has the same port."""
    return SettingsError(
        f"admin.port = {settings.admin.port}: is in use by a server that is no translink; stop it, or "
        "choose another port"
    )


class LegsToCome:
    """Pairs of legs whose ports are still another's."""

    def __init__(self, open_leg: Callable[[LegSettings], MediaLeg], pairs: Sequence[Pair]) -> None:
        """`open_leg` raises `OSError` for a port that is not free."""
        self._open = open_leg
        self._pairs = list(pairs)
        self._why: OSError | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all legs that are to come."""
        return tuple(leg.name for pair in self._pairs for leg in pair)

    def come(self) -> dict[str, MediaLeg]:
        """Those that are open now, by name: whole pairs."""
        opened: dict[str, MediaLeg] = {}
        for pair in tuple(self._pairs):
            if legs := self._opened(pair):
                opened |= legs
                self._pairs.remove(pair)
        return opened

    async def fetch(
        self, before: Predecessor, on_open: Callable[[Mapping[str, MediaLeg]], None]
    ) -> None:
        """All of them, as they come; those that have not come by the deadline of `before`, who has them, are said
        to be missing."""
        while self._pairs:
            pause = max(BIND_AGAIN, 2 * len(self._pairs) / BINDS_A_SECOND)
            await asyncio.sleep(pause)
            if opened := self.come():
                log.info("ports taken over", legs=list(opened))
                on_open(opened)
            elif time.monotonic() > before.deadline:
                log.error(
                    "legs never came free: restart translink when nobody has their ports",
                    legs=self.names,
                    reason=str(self._why),
                )
                return

    def _opened(self, pair: Pair) -> dict[str, MediaLeg]:
        made: dict[str, MediaLeg] = {}
        for leg in pair:
            try:
                made[leg.name] = self._open(leg)
            except OSError as error:
                self._why = error
                for other in made.values():
                    other.remove()
                return {}
        return made


def pairs_of(settings: Settings) -> tuple[Pair, ...]:
    """The legs of the settings, two and two as they hear each other."""
    return tuple((settings.leg(one), settings.leg(two)) for one, two in settings.pairs)


async def take_legs(
    settings: Settings, media: Media, before: Predecessor | None
) -> tuple[dict[str, MediaLeg], LegsToCome]:
    """The legs that are open now, and those whose ports the process before us still has."""
    if before is None:
        return {leg.name: _opened_leg(media, leg) for leg in settings.legs}, LegsToCome(
            media.add_leg, ()
        )
    await before.give_way(settings.drain_timeout)
    to_come = LegsToCome(media.add_leg, pairs_of(settings))
    return to_come.come(), to_come


def _opened_leg(media: Media, leg: LegSettings) -> MediaLeg:
    try:
        return media.add_leg(leg)
    except OSError as error:
        raise address_of(leg).refused(error) from error
