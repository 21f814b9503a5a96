"""A program for the real admin server to ask, made of literals. What else stands in for a `translink serve`
says only what is different there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import asdict, replace
from typing import Any, cast

from translink.admin.panel.console import Console
from translink.admin.panel.metrics import Measures
from translink.calls.exchange import NO_ORDERS, LegWish, Refused
from translink.calls.measures import LegMeasures
from translink.calls.orders import Orders
from translink.calls.tap import Tap
from translink.observe.journal import Event, Subscription
from translink.observe.record import Tally
from translink.observe.stages import Stages
from translink.observe.views import (
    CallDetail,
    CallRow,
    CreatedCall,
    CreatedLeg,
    LegLive,
    Queues,
    TranscriptLine,
)
from translink.recognition.rules import ListenStats


def happened(type_: str, leg: str, call: str | None = None) -> Event:
    return Event(type_, 1.0, call, leg, {"text": "<b>hé</b>"})


ROW = CallRow(
    call="3333-1",
    state="running",
    began=1_000.0,
    seconds=12.5,
    reason="",
    legs=("3333", "4444"),
    languages=("en", "fr"),
    modes=("streaming", "idle"),
    lost_ms=0.0,
    segments=2,
    words=5,
    characters=17,
    listened=False,
)
LEG = LegLive(
    leg="3333",
    call="3333-1",
    language="en",
    hears="fr",
    mode="streaming",
    reason="",
    setting="auto",
    volume=1.0,
    muted=False,
    listened=False,
    level_db=-30.0,
    datagram_rate=50.0,
    jitter_ms=0.1,
    drops={"drops_kernel": 0},
    queues=Queues(0.0, 0, 0),
    lost_ms=0.0,
    words=5,
    source="127.0.0.1:4000",
    strangers=0,
)


class FakeSubscription(Subscription):
    def __init__(self) -> None:
        self.cut_off: str | None = None
        self.closing = asyncio.Event()
        self.queue: asyncio.Queue[Event | None] = asyncio.Queue()

    async def __aiter__(self) -> AsyncIterator[Event]:
        while (event := await self.queue.get()) is not None:
            yield event

    def close(self) -> None:
        self.closing.set()


class FakeTap(Tap):
    def __init__(self, lane: str) -> None:
        self.lane = lane
        self.closed = False
        self.gone = False

    def read(self) -> bytes:
        if self.gone:
            raise LookupError(self.lane)
        return b"pcm!"

    def close(self) -> None:
        self.closed = True


class Program(Console):
    """The console of a program made of literals."""

    def __init__(self) -> None:
        self.good = True
        self.modes: list[tuple[str | None, str | None, float | None]] = []
        self.subscriptions: list[tuple[str | None, str | None, FakeSubscription]] = []
        self.running = ROW
        self.ended = replace(ROW, call="3333-0", state="ended", reason="idle")
        self.lines = [
            TranscriptLine(
                "3333", 1, 0.5, 1.25, "Hello <you> & you", "en", "Bonjour", "fr", "spoken"
            ),
            TranscriptLine("4444", 1, 1.0, 1.0, "Oui -->\n\nnon", "fr"),
        ]
        self.envelopes = {"said": bytes([255, 1, 254, 2]), "heard": bytes([253, 3])}
        self.pressed = False
        self.updates_left_out = 0
        self.changes: dict[str, Any] = {}
        self.listeners: list[Callable[[Any], None]] = []
        self.wishes: list[tuple[LegWish, LegWish]] = []
        self.orders: list[Orders] = []
        self.taps: list[FakeTap] = []
        self.refusal: Refused | None = None

    def leg_stats(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        stt = {"mode": "streaming", "connections_active": 1, "errors": 0}
        yield (
            "3333",
            {"language": "en", "datagrams_in": 50, "playout_queued": 640, "stt": stt},
        )

    def _figures(self) -> Mapping[str, Any]:
        return {
            "mode": "auto",
            "totals": {"datagrams_in": 50, "calls_total": 7, "calls_active": 1},
            "providers": {"deepl": {"state": "open", "reason": "", "attempts": 3, "opened": 1}},
            "prerecorded_queue": {"active": 1, "waiting": 2, "waited": 3, "refused": 4},
            "pressure": {"level": "shed", "busy": 0.5, "lag_ms": 12.0, "given_up": {"interims": 9}},
            "events": {"final": 4},
            "uptime": 12.5,
            "usage": {
                "currency": "EUR",
                "cost": 0.5,
                "providers": {
                    "deepl": {"seconds": 0.0, "characters": 90, "requests": 3, "cost": 0.5}
                },
                "quotas": {"deepl": {"used": 90, "limit": 500_000}},
            },
            "shared_port": {
                **{"listen": "0.0.0.0:7000", "stranger": "192.0.2.9:4000", "sources": 2},
                **{"datagrams": 90, "batches": 9, "strangers": 3},
                **{"drops_kernel": 0, "errors_receive": 0, "rcvbuf": 16_777_216},
                **{"learned": 4, "waiting": 1},
            },
            "stages_ms": {"loop_to_wire": {"count": 3, "p50": 0.2, "p99": 1.5}},
        }

    def measures(self) -> Measures:
        media = {"datagrams_in": 50, "playout_queued": 640, "drops_ring": 2, "errors_send": 1}
        media |= {"late_max": 3_000_000, "bytes_in": 32_000}
        stages = Stages()
        for seconds in (0.0002, 0.002, 0.02):
            stages.observe("ring_to_wire", seconds)
        heard = ListenStats(connections_total=2, connections_active=1, lost_ms=250.0)
        media |= {"behind_ns": 2_500_000_000, "tempo": 1_350, "tempo_saved": 64_000}
        said = Tally(segments=9, skipped=2, echoed=1)
        legs = [LegMeasures(name, media, heard, said) for name in ("3333", "created", "created")]
        for leg, mos in ((1, 4.2), (2, 3.1)):
            legs[leg] = replace(legs[leg], quality={"mos": mos, "clipped": mos / 100})
        return Measures(self._figures(), stages, legs)

    def health(self) -> tuple[bool, Mapping[str, Any]]:
        return self.good, {"media": "running"}

    def ready(self) -> tuple[bool, Mapping[str, Any]]:
        return self.good, {}

    def settings(self) -> tuple[Mapping[str, Any], Iterator[Mapping[str, Any]]]:
        return {"mode": "auto"}, iter([{"name": "3333"}])

    def calls(self, state: str = "running") -> Iterator[CallRow]:
        rows = {"running": [self.running], "ended": [self.ended]}
        yield from rows.get(state) or [self.ended, self.running]

    def row(self, call: str) -> CallRow:
        for row in (self.running, self.ended):
            if row.call == call:
                return row
        raise KeyError(call)

    async def search(self, text: str) -> set[str]:
        return {"3333-1"} if text in self.lines[0].text else set()

    async def call(self, call: str) -> CallDetail:
        row = self.row(call)
        known = {key: value for key, value in asdict(row).items() if key != "legs"}
        more = {
            "names": row.legs,
            "legs": {name: self.leg(name) for name in self.legs()},
            "stages_ms": self.stages(call),
            "owners": {"own": "own"},
            "transcript": self.lines,
            "notices": [],
            "dropped_lines": 0,
        }
        return cast("CallDetail", known | more)

    def stages(self, call: str) -> Mapping[str, Any]:
        self.row(call)
        return {"own": {"count": 1, "p50": 1.0, "p95": 1.0, "p99": 1.0, "max": 1.0}}

    def legs(self) -> list[str]:
        return ["3333", "4444"]

    def leg(self, leg: str) -> LegLive:
        if leg not in self.legs():
            raise KeyError(leg)
        return replace(LEG, leg=leg, **self.changes)

    def system(self) -> Mapping[str, Any]:
        return {"calls": 1}

    def hurried(self) -> bool:
        return self.pressed

    def left_out(self, updates: int) -> None:
        self.updates_left_out += updates

    def envelope(self, leg: str, lane: str, start: int) -> tuple[int, bytes]:
        if leg not in self.legs():
            raise LookupError(leg)
        pairs = self.envelopes[lane]
        first = min(max(start, 0), len(pairs) // 2)
        return first, pairs[2 * first :]

    def recent(self, call: str | None, limit: int) -> list[Event]:
        kept = [happened("final", "3333", "3333-1"), happened("breaker", "3333")]
        return [e for e in kept if call is None or call == (e.call or "")][-limit:]

    def listen(self, listener: Callable[[Any], None]) -> Callable[[], None]:
        self.listeners.append(listener)
        return lambda: self.listeners.remove(listener)

    def tell(self, type_: str, leg: str = "3333", call: str | None = None) -> None:
        self.emit(happened(type_, leg, call))

    def emit(self, event: Event) -> None:
        for listener in self.listeners:
            listener(event)

    def create_call(self, legs: tuple[LegWish, LegWish], orders: Orders = NO_ORDERS) -> CreatedCall:
        if self.refusal is not None:
            raise self.refusal
        self.wishes.append(legs)
        self.orders.append(orders)
        one, two = (
            CreatedLeg(wish.name or f"c1.{side}", wish.language, f"127.0.0.1:{side}", None)
            for side, wish in enumerate(legs, 1)
        )
        return CreatedCall("c1", (one, two))

    def change_leg(self, leg: str, **changes: Any) -> LegLive:
        self.changes |= {
            "setting" if key == "mode" else key: value
            for key, value in changes.items()
            if value is not None
        }
        return self.leg(leg)

    def tap(self, leg: str, lane: str) -> FakeTap:
        self.leg(leg)
        self.taps.append(FakeTap(lane))
        return self.taps[-1]

    def flush(self, leg: str) -> float:
        self.leg(leg)
        return 120.0

    def set_mode(
        self, mode: str | None = None, leg: str | None = None, share: float | None = None
    ) -> None:
        if leg not in (None, "3333"):
            raise KeyError(leg)
        self.modes.append((mode, leg, share))

    def end_call(self, call: str) -> bool:
        return call == "3333-1"

    def subscribe(self, *, call: str | None = None, leg: str | None = None) -> FakeSubscription:
        subscription = FakeSubscription()
        self.subscriptions.append((call, leg, subscription))
        return subscription
