"""The console of a switchboard without sockets: all that the admin API asks, in process."""

from __future__ import annotations

from collections.abc import Collection
from functools import partial
from types import SimpleNamespace
from typing import TYPE_CHECKING, TypeVar, cast

from tests.support.board import Board, FakeLeg
from translink.admin.panel.console import Condition, Console
from translink.calls.draining import Draining
from translink.calls.exchange import Exchange
from translink.observe.transcripts import Transcripts
from translink.process.resources import ProcessResources
from translink.settings.legs import LegSettings

if TYPE_CHECKING:
    from translink._core import LegCounters
    from translink.media import MediaLeg
    from translink.providers.lineup import Lineup


T = TypeVar("T")


class PortLeg(FakeLeg):
    """Has a port, or senders at the shared one, until it is removed."""

    def __init__(self, address: tuple[str, int], taken: set[T], own: Collection[T]) -> None:
        super().__init__()
        self.listen_address = address
        self._give_back = partial(taken.difference_update, own)
        taken.update(own)

    def remove(self) -> None:
        self._give_back()
        self.on_frames = self.on_playout = self.on_dead = None
        self.on_source = self.on_rtp = self.on_digit = None

    def close_for_good(self) -> None:
        """As the real one once it is removed: nothing can be asked of it."""

        def gone() -> LegCounters:
            raise LookupError(self.listen_address)

        self.counters = gone  # type: ignore[method-assign]


class ConsoleDesk:
    """A board, its transcripts, its exchange on a few ports, and the console over them."""

    def __init__(
        self,
        calls: dict[str, object] | None = None,
        transcripts: dict[str, float] | None = None,
        **settings: object,
    ) -> None:
        wanted = {"ports": "24000-24009", "max_created": 4, **(calls or {})}
        self.board = Board(calls=wanted, **settings)
        self.taken: set[int] = set()
        """Ports that are bound: ours, or somebody else's if a test says so."""
        self.claimed: set[str] = set()
        """Senders of legs at the shared port."""
        self.opened: dict[str, PortLeg] = {}
        self.out_of_memory = False
        switchboard = self.board.switchboard
        limits = {"calls": 5, "lines": 20, "retention": 3600.0} | (transcripts or {})
        self.transcripts = Transcripts(
            self.board.journal,
            calls=int(limits["calls"]),
            lines=int(limits["lines"]),
            retention=limits["retention"],
        )
        switchboard.on_ended = lambda call: self.transcripts.close(
            call.row(), call.stages.summary()
        )
        self.exchange = Exchange(
            switchboard._settings.calls,
            switchboard,
            open_leg=self._open,
            shares=switchboard._settings.shared_port.listen is not None,
        )
        gate = SimpleNamespace(active=0, waiting=0, waited=0, refused=0)
        lineup = SimpleNamespace(gate=gate, breakers=dict, in_line=dict, stream="first", down=list)
        self.console = Console(
            switchboard._settings,
            Condition(),
            switchboard=switchboard,
            exchange=self.exchange,
            lineup=cast("Lineup", lineup),
            journal=self.board.journal,
            transcripts=self.transcripts,
            pressure=switchboard.pressure,
            resources=ProcessResources(),
            offline=None,
            draining=Draining(switchboard, self.board.journal, switchboard._settings.drain),
        )

    def _open(self, leg: LegSettings) -> MediaLeg:
        if self.out_of_memory:
            raise MemoryError
        if leg.shared:
            senders = leg.source if leg.token is None else ()
            if not self.claimed.isdisjoint(senders):
                raise OSError(98, "another leg's")
            made = PortLeg(("0.0.0.0", 7000), self.claimed, senders)
            self.opened[leg.name] = made
            return cast("MediaLeg", made)
        if leg.listen.port in self.taken:
            raise OSError(98, "Address already in use")
        address = leg.listen.host, leg.listen.port
        made = self.opened[leg.name] = PortLeg(address, self.taken, address[1:])
        return cast("MediaLeg", made)
