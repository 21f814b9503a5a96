"""Placement on NATS JetStream: three buckets of its key-value store, for any number of machines.

Theory of operation
    `FLEET-nodes` has a key for each node, written with each beat; the store forgets it after `EXPIRY`
    seconds, so that a node that comes later does not meet the dead. `FLEET-slots` has a key for each taken slot,
    `NODE.NUMBER`; it is written on the condition that the key is as we know it (free, at its last
    revision), which the server sees to: of two that want a slot one is refused. `FLEET-settings` has what
    was changed live. All three are kept in the server's memory: what is in them is worth as much as the
    nodes are alive, and these write it again when the server has lost it.

    All are watched, so that looking needs no wait. Which node is gone is decided here, by our own clock: while
    we are not connected, or were held up ourselves, nobody is.

    A connection that breaks, or does not answer for `ANSWER_PATIENCE` seconds, is given up as a whole, and all
    is begun anew on the next: buckets, watches, what is known of slots. Meanwhile everything raises
    `PlacementError` at once.

Needs `nats-py`: import it where it is wanted only (`translink[nats]`).

Bounds: `MOST_ASKED` questions at once, `MOST_QUESTIONS_WAITING` wait, one more is refused; `MOST_NODES` nodes; a watch
has 256 updates waiting in `nats-py`, and makes the server wait then.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Final, TypeVar

import structlog

from translink.placement.access import NatsAccess
from translink.placement.announcement import read, written
from translink.placement.connection import NATS_ERRORS, NatsConnection, Unusable, connected
from translink.placement.protocol import EXPIRY, Node, PlacementError, Slot
from translink.placement.roster import Roster

ANSWER_PATIENCE: Final = 1.5
"""Seconds for an answer of the server. It takes one millisecond on loopback."""
MOST_ASKED: Final = 16
"""Questions on their way at once: more only wait longer, and then it seems that nobody answers."""
MOST_QUESTIONS_WAITING: Final = 256
"""Questions that wait for their turn, `ANSWER_PATIENCE` seconds at most."""
NATS_TICK: Final = 0.25
RETRY: Final = (0.1, 2.0)
"""Seconds before the first attempt to connect again, and at most."""
MOST_TRIES: Final = 8
"""Slots that one claim tries: that others were quicker so often means that we know too little."""

log = structlog.get_logger("translink.placement")
T = TypeVar("T")


class NatsPlacement:
    """Fills `Placement`. `open` first; it does not wait for the server."""

    def __init__(
        self,
        access: NatsAccess,
        name: str,
        *,
        fleet: str = "translink",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`name` is the own node's; `fleet` tells those apart that use one server."""
        self.on_gone: Callable[[Node, Sequence[str]], None] = lambda node, calls: None
        self.on_change: Callable[[str, str], None] = lambda setting, value: None
        self.on_reach: Callable[[bool], None] = lambda reachable: None
        """Called when the server can be reached from now on, or cannot."""
        self._access = access
        self._name = name
        self._fleet = fleet
        self._clock = clock
        self._roster = Roster()
        self._roster.on_gone = self._gone
        self._revisions: dict[tuple[str, int], int] = {}
        """Of slots in this connection, taken or given back: what a claim builds on."""
        self._seen: set[tuple[str, int]] = set()
        """Taken slots that were heard of in this connection."""
        self._settings: dict[str, str] = {}
        self._heard: dict[str, int] = {}
        """Revisions of the settings as the store was known to have them last."""
        self._unsaid: set[str] = set()
        """Settings that were changed here and that the store has not been told."""
        self._joined = False
        """We have met the others, or know that there were none."""
        self._session: NatsConnection | None = None
        self._trying: set[tuple[str, int]] = set()
        """Slots that are being claimed from here."""
        self._waiting = 0
        self._turns = asyncio.Semaphore(MOST_ASKED)
        self._task: asyncio.Task[None] | None = None

    def open(self) -> None:
        """Connect, and go on doing so."""
        self._task = asyncio.create_task(self._run(), name="placement")

    def reachable(self) -> bool:
        return self._session is not None and not self._session.broken.done()

    def nodes(self) -> Mapping[str, Node]:
        # What is being claimed from here counts: a burst of calls would all go to one otherwise.
        return self._roster.nodes([node for node, _ in self._trying])

    def slots(self, node: str) -> Mapping[int, str]:
        return dict(self._roster.slots(node))

    async def announce(self, node: Node) -> None:
        session = self._connected()
        # Not in its turn: a node that has much to ask is alive.
        await self._asked(session.nodes.put(node.name, written(node)))

    async def leave(self, name: str) -> None:
        session = self._connected()
        await self._ask(session.nodes.delete(name))
        await self._ask(session.forget_slots(name))

    async def claim(self, node: str, call: str) -> Slot | None:
        self._connected()
        for _ in range(MOST_TRIES):
            # Any: creators that race for the lowest meet at each.
            free = [n for n in self._roster.free(node) if (node, n) not in self._trying]
            if not free:
                return None
            at = (node, random.choice(free))
            # The revision of now, while the slot is free: if it is taken while this claim waits its
            # turn, the revision is an old one, and the claim is refused as it must be.
            known = self._revisions.get(at, 0)
            self._trying.add(at)
            try:
                if revision := await self._ask(self._take(*at, call, known)):
                    # The watch says so too, a little later: the next look must not find it free.
                    if revision > self._revisions.get(at, 0):
                        self._taken(*at, call, revision)
                    return Slot(*at)
            finally:
                self._trying.discard(at)
            # Another was quicker, and the watch is about to say so; if it has said it, it has said whose it is.
            if self._revisions.get(at, 0) == known:
                self._roster.take(*at, "")
        return None

    async def _take(self, node: str, number: int, call: str, revision: int) -> int:
        return await self._connected().take(node, number, call, revision)

    async def rename(self, slot: Slot, call: str) -> None:
        session = self._connected()
        await self._ask(session.slots.put(f"{slot.node}.{slot.number}", call.encode()))

    async def release(self, slot: Slot) -> None:
        session = self._connected()
        if slot.number in self._roster.slots(slot.node):
            await self._ask(session.slots.delete(f"{slot.node}.{slot.number}"))

    async def share(self, setting: str, value: str) -> None:
        self._settings[setting] = value
        try:
            session = self._connected()
            self._heard[setting] = await self._ask(session.settings.put(setting, value.encode()))
        except PlacementError:
            self._unsaid.add(setting)
            raise
        self._unsaid.discard(setting)

    async def close(self) -> None:
        if self._task is not None:
            task, self._task = self._task, None
            while not task.done():
                task.cancel()  # once is not enough: NATS's client loses it while it connects
                await asyncio.wait((task,), timeout=0.5)
            await asyncio.gather(task, return_exceptions=True)

    # --- Asking ---

    def _connected(self) -> NatsConnection:
        if (session := self._session) is None or session.broken.done():
            raise PlacementError("NATS cannot be reached")
        return session

    async def _ask(self, question: Coroutine[object, object, T]) -> T:
        """The answer. Raises `PlacementError`: at once when the connection breaks meanwhile."""
        if self._waiting >= MOST_QUESTIONS_WAITING:
            question.close()
            raise PlacementError(f"{MOST_QUESTIONS_WAITING} questions wait for NATS already")
        self._waiting += 1
        try:
            async with asyncio.timeout(ANSWER_PATIENCE):
                await self._turns.acquire()
        except TimeoutError:
            question.close()
            raise PlacementError("too many questions wait for NATS") from None
        finally:
            self._waiting -= 1
        try:
            return await self._asked(question)
        finally:
            self._turns.release()

    async def _asked(self, question: Coroutine[object, object, T]) -> T:
        try:
            session = self._connected()
        except PlacementError:
            question.close()
            raise
        task = asyncio.ensure_future(question)
        try:
            await asyncio.wait(
                (task, session.broken),
                timeout=ANSWER_PATIENCE,
                return_when=asyncio.FIRST_COMPLETED,
            )
            if not task.done():
                session.give_up("it does not answer")
                raise PlacementError("NATS does not answer")
            return task.result()
        except NATS_ERRORS as error:
            raise PlacementError(f"NATS refuses it: {type(error).__name__}") from error
        finally:
            if not task.done():
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)

    # --- Following ---

    async def _run(self) -> None:
        pause, logged = RETRY[0], ""
        for url in self._access.in_turn():
            try:
                async with connected(url, self._access, self._fleet) as session:
                    await self._meet(session)
                    pause, logged = RETRY[0], ""
                    log.info("placement: NATS is there", nats=url)
                    await self._follow(session)
                    why = session.why
            except Unusable as error:
                why = str(error)
            except Exception as error:  # as nkeys raises for a spoilt seed
                why = f"a bug: {type(error).__name__}"
                if why != logged:
                    log.exception("a bug in the placement")
            finally:
                self._session = None
            if why != logged:  # once, not at each attempt
                logged = why
                log.warning("placement: NATS is not there: calls stay here", nats=url, reason=why)
                self.on_reach(False)
            await asyncio.sleep(pause * random.uniform(0.5, 1.0))
            pause = min(RETRY[1], 2 * pause)

    async def _meet(self, session: NatsConnection) -> None:
        """Learn what there is."""
        self._revisions.clear()
        self._seen.clear()
        await session.follow(session.nodes, self._node_changed)
        await session.follow(session.slots, self._slot_changed)
        if not self._joined and not self.nodes():
            # The first of a fleet begins as its own file says, not as the last of another day was left.
            await session.forget_settings()
        await session.follow(session.settings, self._setting_changed)
        for setting, value in tuple(self._settings.items()):
            await session.keep_setting(setting, value)
        while self._unsaid:  # one more may come meanwhile
            await self._say(session, self._unsaid.pop())
        self._roster.excuse(self._clock())
        self._joined = True
        self._session = session
        self.on_reach(True)

    async def _say(self, session: NatsConnection, setting: str) -> None:
        try:
            self._heard[setting] = await session.settings.put(
                setting, self._settings[setting].encode()
            )
        except BaseException:
            self._unsaid.add(setting)
            raise

    async def _follow(self, session: NatsConnection) -> None:
        """Look which nodes are gone, until the connection breaks."""
        last = began = self._clock()
        settled = False
        while True:
            await asyncio.wait((session.broken,), timeout=NATS_TICK)
            if session.broken.done():
                return
            now = self._clock()
            if now - last > EXPIRY / 2:  # we were held up, and what the others said waits
                self._roster.excuse(now)
            last = now
            self._roster.expire(now)
            if not settled and now - began > EXPIRY:
                settled = True
                self._roster.keep(self._seen)
            for name in self._roster.strays(now):
                session.soon(session.bury(name))

    def _node_changed(self, key: str, body: bytes | None, revision: int) -> None:
        if body is None:
            self._roster.left(key)
        elif (node := read(body)) is not None and node.name == key:
            self._roster.heard(node, self._clock())

    def _slot_changed(self, key: str, body: bytes | None, revision: int) -> None:
        node, _, number = key.rpartition(".")
        if not number.isdecimal():
            return
        if body is None:
            self._revisions[node, int(number)] = revision
            self._seen.discard((node, int(number)))
            self._roster.give(node, int(number))
        else:
            self._taken(node, int(number), body.decode(errors="replace"), revision)

    def _taken(self, node: str, number: int, call: str, revision: int) -> None:
        self._revisions[node, number] = revision
        self._seen.add((node, number))
        self._roster.take(node, number, call)

    def _setting_changed(self, key: str, body: bytes | None, revision: int) -> None:
        before, self._heard[key] = self._heard.get(key, 0), revision
        if body is None:
            # By a node that took itself for the first of the fleet: it came when the server had lost its store,
            # and before our next beat.
            if key in self._settings and self._session is not None:
                self._session.soon(self._session.keep_setting(key, self._settings[key]))
            return
        if key in self._unsaid and revision <= before:
            return  # from before it was changed here, also if another has written it again into an empty store
        self._unsaid.discard(key)
        value = body.decode(errors="replace")
        if self._settings.get(key) != value:
            self._settings[key] = value
            self.on_change(key, value)

    def _gone(self, node: Node, calls: Sequence[str]) -> None:
        for known in [at for at in self._revisions if at[0] == node.name]:
            del self._revisions[known]
        if node.name == self._name:
            if self._session is not None:
                self._session.give_up("our own beats do not come back")
            return
        if self._session is not None:
            self._session.soon(self._session.bury(node.name))
        self.on_gone(node, calls)
