"""A node among others: says that it is there, holds a slot for each of its calls, hears who is gone.

Nothing here is on a call's path: a call begins, runs and ends whether NATS is there or not. What its slots
miss meanwhile is made up for at the next step.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import secrets
import socket
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final, Self, cast, get_args

import structlog
from yarl import URL

from translink.admin.routes.requests import ModeChange
from translink.errors import SettingsError
from translink.face.peers import AdminPeer
from translink.face.screen import LOST_WITH_NODE
from translink.fleet.front import FleetFront
from translink.observe.journal import Event, Journal
from translink.placement.access import NatsAccess
from translink.placement.ledger import SlotLedger
from translink.placement.nats import NatsPlacement
from translink.placement.protocol import BEAT, Node, PlacementError, Slot
from translink.process.clock import unix
from translink.settings.legs import Mode
from translink.settings.types import is_loopback
from translink.wiring.membership import Membership

if TYPE_CHECKING:
    from translink.admin.panel.console import Console
    from translink.admin.server import AdminServer
    from translink.calls.switchboard import Switchboard
    from translink.settings.admin import AdminSettings
    from translink.settings.model import Settings

SOONEST: Final = 0.1
"""Seconds between two announcements, however much happens."""
LONGEST_HOST: Final = 40

log = structlog.get_logger("translink.fleet")


class Fleet:
    """One server's part in it."""

    def __init__(self, settings: Settings) -> None:
        """Nothing is connected yet."""
        place = settings.placement
        self.name = f"{place.node or _machine()}-{secrets.token_hex(2)}"
        """Of this start: another start's calls and slots have other names."""
        self.member = Membership(self.name, 1, None, "", lambda url: None)
        self.front: FleetFront | None = None
        self._admin: AdminServer | None = None
        self.journal = Journal()
        """What the fleet has to tell; those of the calls are each node's own."""
        self.placement = NatsPlacement(
            NatsAccess(
                place.nats,
                user=place.user,
                password=place.password.get_secret_value() if place.password else None,
                token=place.token.get_secret_value() if place.token else None,
                credentials=place.credentials,
                tls_ca=place.tls_ca,
                replicas=place.replicas,
            ),
            self.name,
            fleet=place.fleet,
        )
        self.placement.on_gone = self._gone
        self.placement.on_change = self._changed
        self.placement.on_reach = self._reached
        self._settings = settings
        self._began = unix()
        self._ledger = SlotLedger()
        self._met = False
        """We have been told once what was changed live before we came."""
        self._news = asyncio.Event()
        self._url = ""
        self._console: Console | None = None
        self._board: Switchboard | None = None
        self._shares: set[asyncio.Task[None]] = set()

    @classmethod
    def of(cls, settings: Settings, *, take_over: bool = False) -> Self | None:
        """None: it is alone. Raises `SettingsError`."""
        if not settings.placement.nats:
            return None
        if take_over:
            raise SettingsError(
                "--take-over: cannot be had with placement.nats; drain this node (translink drain), whose calls "
                "others take meanwhile, then start it anew"
            )
        return cls(settings)

    @property
    def admin(self) -> AdminSettings:
        """Of the node's own admin server, which the others ask: by its address, or by `placement.url`, and not by the
        names under which clients reach `admin.port`."""
        place = self._settings.placement
        names: tuple[str, ...] = ()
        if place.url is not None and is_loopback(place.listen.host):
            # Beyond loopback any name will do; a tunnel to loopback has one of its own.
            name = URL(place.url).host_port_subcomponent
            names = (name,) if name and not is_loopback(URL(place.url).host or "") else ()
        own = {"host": place.listen.host, "port": place.listen.port, "allowed_hosts": names}
        return self._settings.admin.model_copy(update=own)

    @contextlib.asynccontextmanager
    async def running(
        self, admin: AdminServer, console: Console, board: Switchboard, journal: Journal
    ) -> AsyncIterator[str]:
        """A node from here until the context is left: the URL at which it answers for all. `admin` serves
        already; `journal` is the node's own. Raises `SettingsError`."""
        self._url = self._settings.placement.url or admin.url
        self._console, self._board, self._admin = console, board, admin
        front = FleetFront(
            self._settings.admin, admin, self._peers, self.placement, self.journal, home=self.name
        )
        self.front = front
        front.routes.on_mode = self._mode_set
        await front.start()
        deaf = journal.listen(self._happened)
        self.placement.open()
        beating = asyncio.create_task(self._beat(), name="fleet")
        log.info("a node of a fleet", node=self.name, url=self._url)
        try:
            yield front.url
        finally:
            deaf()
            beating.cancel()
            await asyncio.gather(beating, *self._shares, return_exceptions=True)
            with contextlib.suppress(PlacementError):
                await self.placement.leave(self.name)
            await self.placement.close()
            self.journal.close()
            await front.close()

    def seconds(self) -> float:
        """Time of the loop's thread that the admin side took: its own server, and its face."""
        return sum(each.seconds() for each in (self._admin, self.front) if each is not None)

    def reload_certificate(self) -> None:
        """That of `admin.port`; the node's own server has read its own by itself."""
        if self.front is not None:
            self.front.reload_certificate()

    # --- What the others know of us ---

    def _node(self) -> Node:
        assert self._console is not None
        assert self._board is not None
        pressure = self._board.pressure
        return Node(
            name=self.name,
            url=self._url,
            capacity=self._capacity(),
            running=len(self._board.calls),
            busy=round(min(1.0, pressure.busy), 3),
            accepts=self._console.ready()[0],
            began=self._began,
        )

    def _capacity(self) -> int:
        settings = self._settings
        if settings.placement.capacity is not None:
            return settings.placement.capacity
        room = settings.calls.max_created + len(settings.pairs)
        return min(room, settings.pressure.max_calls or room)

    async def _beat(self) -> None:
        while True:
            self._news.clear()
            try:
                await self.placement.announce(self._node())
                await self._keep_slots()
            except PlacementError as error:
                log.debug("not announced", reason=str(error))
            except Exception:  # the calls go on
                log.exception("a bug in the fleet")
            await asyncio.sleep(SOONEST)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(BEAT - SOONEST):
                    await self._news.wait()

    async def _keep_slots(self) -> None:
        assert self._board is not None
        slots = self.placement.slots(self.name)
        back, wanted = self._ledger.look(slots, tuple(self._board.calls), time.monotonic())
        for number in back:
            await self.placement.release(Slot(self.name, number))
        for call in wanted:
            await self.placement.claim(self.name, call)

    def _happened(self, event: Event) -> None:
        if event.type in ("call", "drain", "pressure"):
            self._news.set()
        if event.type == "call" and event.call and event.data.get("state") == "ended":
            self._ledger.ended(
                (event.call,), time.monotonic()
            )  # it may be over before it was looked at

    # --- What we know of the others ---

    def _peers(self) -> Mapping[str, AdminPeer]:
        token = self._settings.admin.token
        shown = token.get_secret_value() if token else ""
        urls = {name: node.url for name, node in self.placement.nodes().items()}
        # Ourselves always: NATS may never have been there.
        return {
            name: AdminPeer(name, url, shown)
            for name, url in ({self.name: self._url} | urls).items()
        }

    def _gone(self, node: Node, calls: Sequence[str]) -> None:
        log.error("a node is gone", node=node.name, url=node.url, calls_lost=len(calls))
        self.journal.emit("node_lost", {"node": node.name, "calls": list(calls)})
        for call in calls:
            ended = {"state": "ended", "reason": LOST_WITH_NODE, "node": node.name}
            self.journal.emit("call", ended, call=call)

    def _reached(self, there: bool) -> None:
        self._met = self._met or there
        self._news.set()  # the others know of us at once, and not at the next beat

    # --- Settings that are changed live ---

    def _mode_set(self, change: ModeChange) -> None:
        """For nodes that come later; the face has sent it to those that are there."""
        if change.leg is None:
            for name, value in (("mode", change.mode), ("share", change.share)):
                if value is not None:
                    task = asyncio.create_task(self._share(name, str(value)))
                    self._shares.add(task)
                    task.add_done_callback(self._shares.discard)

    async def _share(self, setting: str, value: str) -> None:
        try:
            await self.placement.share(setting, value)
        except PlacementError as error:
            log.warning("a setting reaches the others later", setting=setting, reason=str(error))

    def _changed(self, setting: str, value: str) -> None:
        """Another node's operator changed it. What we cannot read is of another version."""
        board = self._board
        if board is None:
            return
        # A mode for all ends the legs' own, also where it is the mode of our file. Later they are newer than it:
        # what is told again was asked of us, or is from before NATS was away.
        news = value != board.mode or (not self._met and bool(board.own_modes))
        if setting == "mode" and value in get_args(Mode) and news:
            log.info("set by another node", mode=value)
            board.set_mode(cast("Mode", value))
        elif setting == "share" and (share := _share_of(value)) not in (None, board.share):
            log.info("set by another node", share=share)
            board.set_mode(share=share)


def _share_of(text: str) -> float | None:
    """None: it is none."""
    return float(text) if re.fullmatch(r"0(\.\d{1,20})?|1(\.0)?", text) else None


def _machine() -> str:
    """Its name, as a word."""
    word = re.sub(r"[^A-Za-z0-9-]", "-", socket.gethostname().partition(".")[0])
    return word[:LONGEST_HOST].strip("-") or "node"
