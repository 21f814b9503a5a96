"""`translink sim`: many calls over real UDP, every word counted, faults on the way.

Three processes: the beacon server (all providers), `translink serve` (what is tested), and this one
(all callers). Callers talk for `seconds`, finish their bursts and stay on the line; the run ends
when every word was heard, or when no fault is left and nothing has arrived for `SETTLE` seconds.
"""

from __future__ import annotations

import asyncio
import contextlib
import json as json_module
import signal
import socket
import sys
import time
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import aiohttp
import orjson
import uvloop

from translink.callers.ports import free_port
from translink.callers.server_process import LegPlan, ServerResources
from translink.errors import TranslinkError
from translink.sim.beacon_engines import beacon_numbers
from translink.sim.beacons import CALLERS, Talker
from translink.sim.faults import FaultPlan, datagram_size, flip_mode, plan
from translink.sim.lines import Lines, SimLine
from translink.sim.programs import Programs
from translink.sim.report import (
    Counts,
    DirectionReport,
    count,
    handshakes_after_fault,
    percentiles,
    recoveries,
    words_in,
)

SETTLE = 8.0
LONGEST_SETTLE = 90.0
LATE_MS = 100.0
"""Callers that send so late look like callers who pause in mid-word."""
EXIT_WORDS_LOST = 3
"""Exit code: a word was lost, doubled or out of order, or none was heard."""


@dataclass(frozen=True, slots=True)
class Scene:
    """What is simulated: calls, time, faults."""

    calls: int = 2
    seconds: float = 30.0
    seed: int = 1
    faults: tuple[str, ...] = ()
    mode: str = "auto"
    vary: bool = True
    """Callers' gateways differ: lengths of datagrams, and every fourth sends nothing in pauses."""
    extra: str = ""
    """More settings for `translink serve` (TOML tables)."""
    shared_port: bool = False
    """All callers speak to one port, and are told apart by where they speak from."""
    settings: tuple[str, ...] = ()
    """Of the server, `name=value`; they beat what the simulation sets."""


@dataclass(slots=True)
class Witness:
    """What the server said about itself while it ran."""

    counts: Counter[str] = field(default_factory=Counter)
    untranslated: set[int] = field(default_factory=set)
    unspoken: set[int] = field(default_factory=set)
    loss_ms: float = 0.0
    cut_off: bool = False
    events: deque[dict[str, object]] = field(default_factory=lambda: deque(maxlen=20_000))
    """The newest, interims left out."""
    _segments: dict[tuple[object, object], str] = field(default_factory=dict)

    def see(self, event: dict[str, object]) -> None:
        """One event of `/api/events`."""
        kind = str(event.get("type"))
        state = event.get("state")
        self.counts[f"{kind}.{state}" if state else kind] += 1
        if kind != "interim":
            self.events.append(event)
        where = (event.get("leg"), event.get("segment"))
        match kind:
            case "segment":
                self._segments[where] = str(event.get("text", ""))
            case "untranslated":
                self.untranslated.update(beacon_numbers(str(event.get("text", ""))))
            case "speech" if state == "failed":
                self.unspoken.update(beacon_numbers(self._segments.get(where, "")))
            case "loss":
                ms = event.get("ms")
                self.loss_ms += ms if isinstance(ms, int | float) else 0.0


def run_sim(
    *,
    calls: int,
    seconds: float,
    seed: int,
    faults: Sequence[str],
    mode: str = "auto",
    shared_port: bool = False,
    settings: Sequence[str] = (),
    report: Path | None = None,
    json: bool = False,
) -> int:
    """The command. `settings`: of the server, `name=value`. Returns its exit code: 0, or `EXIT_WORDS_LOST`.
    Raises `TranslinkError`.

    Beside a report that is not perfect lies the server's log, with its events.
    """
    scene = Scene(
        calls,
        seconds,
        seed,
        tuple(faults),
        mode,
        shared_port=shared_port,
        settings=tuple(settings),
    )
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # else the programs would go on
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        try:
            result = runner.run(simulate(scene))
        except ValueError as error:
            raise TranslinkError(str(error)) from error
    log = str(result.pop("log"))
    text = json_module.dumps(result, indent=1, default=str)
    # First, since a report that cannot be written must not cost the run.
    sys.stdout.write((text if json else summary(result)) + "\n")
    if report is not None:
        report.write_text(text + "\n")
        if not result["perfect"]:
            report.with_suffix(".log").write_text(log)
    return 0 if result["perfect"] else EXIT_WORDS_LOST


async def simulate(scene: Scene) -> dict[str, object]:
    """Run one scene and count.

    Raises:
        ValueError: a fault cannot be read, or there are too many calls.
        SimError: one of the programs failed.
    """
    planned = plan(list(scene.faults))
    if not 1 <= scene.calls <= CALLERS // 2:
        raise ValueError(f"calls must be 1..{CALLERS // 2}, not {scene.calls}")
    lines = Lines([_line(scene, planned, place) for place in range(2 * scene.calls)])
    legs = _legs(scene, lines)
    try:
        async with Programs(
            legs,
            seed=scene.seed,
            mode=scene.mode,
            extra=scene.extra,
            second_vendor=planned.second_vendor,
            flags=[part for setting in scene.settings for part in ("--set", setting)],
        ) as programs:
            for line, leg in zip(lines.lines, legs, strict=True):
                line.dial(leg.listen[1])
            return await _talk(scene, planned, lines, programs)
    finally:
        lines.close()


def summary(result: dict[str, object]) -> str:
    """The report in some lines for people."""
    keys = ["said", "heard", "lost", "doubled", "out_of_order"]
    keys += ["untranslated", "unspoken", "invented", "misrouted"]
    words = ", ".join(f"{result[f'words_{key}']} {key.replace('_', ' ')}" for key in keys)
    shown = ("mouth_to_ear_ms", "own_ms", "recovery_ms")
    delays = "\n".join(f"{name}: {json_module.dumps(result[name])}" for name in shown)
    return (
        f"words: {words}\n{delays}\n"
        f"sockets {result['sockets_opened']}, handshakes {result['handshakes']}, "
        f"cpu {result['cpu_seconds']} s, rss {result['rss_bytes']} bytes\n"
        + ("perfect" if result["perfect"] else "NOT PERFECT")
        + _excuse(result)
    )


def _excuse(result: dict[str, object]) -> str:
    callers = result["callers"]
    late = callers["worst_lateness_ms"] if isinstance(callers, dict) else 0.0
    if result["perfect"] or late < LATE_MS:
        return ""
    return (
        f"\nThe simulated callers themselves were {late} ms late: this machine is too busy for so "
        "many calls, and what is missing may be missing for that reason."
    )


def _line(scene: Scene, planned: FaultPlan, place: int) -> SimLine:
    size = datagram_size(planned, 2 * scene.calls, place, vary=scene.vary)
    dtx = scene.vary and place % 4 == 3
    return SimLine(str(1000 + place), Talker(place, scene.seed), datagram=size, dtx=dtx)


def _legs(scene: Scene, lines: Lines) -> list[LegPlan]:
    shared = free_port(socket.SOCK_DGRAM)
    return [
        LegPlan(
            line.name,
            "fr" if place % 2 else "en",
            ("127.0.0.1", shared if scene.shared_port else free_port(socket.SOCK_DGRAM)),
            ("127.0.0.1", line.ear_port),
            shared_from=line.mouth_port if scene.shared_port else None,
        )
        for place, line in enumerate(lines.lines)
    ]


async def _talk(
    scene: Scene, planned: FaultPlan, lines: Lines, programs: Programs
) -> dict[str, object]:
    witness = Witness()
    watching = asyncio.create_task(_watch(programs, witness))
    try:
        await programs.order(
            begin=True,
            play=[str(fault) for fault in planned.providers],
            seconds=scene.seconds,
            seed=scene.seed,
        )
        before = programs.resources()
        lines.start()
        end = time.monotonic() + scene.seconds
        if planned.flips:
            await flip_mode(
                planned.flips,
                scene.seconds,
                scene.seed,
                lambda mode: programs.post(f"{programs.serve_url}/api/mode", {"mode": mode}),
            )
        await asyncio.sleep(max(0.0, end - time.monotonic()))
        lines.hush()
        await _settle(lines, planned.longest)
        used, stats, observed = (
            programs.resources(),
            await programs.stats(),
            await programs.observed(),
        )
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
    lines.close()
    log = programs.log() + "\n".join(map(str, witness.events))
    counts = count(_directions(lines), witness.untranslated | witness.unspoken)
    report = _report(scene, lines, counts, witness, before, used, stats, observed)
    return report | {"log": log}


async def _settle(lines: Lines, longest_fault: float) -> None:
    """Until all was heard, or nothing comes any more."""
    now = time.monotonic()
    patient_until, give_up = now + longest_fault + SETTLE, now + longest_fault + LONGEST_SETTLE
    while (now := time.monotonic()) < give_up:
        if lines.all_sent() and lines.missing() == 0:
            await asyncio.sleep(1.0)  # what is doubled comes after
            return
        if now > max(patient_until, lines.newest() + SETTLE):
            return
        await asyncio.sleep(0.2)


def _directions(lines: Lines) -> list[DirectionReport]:
    """Callers 0 and 1 hear each other, so do 2 and 3, and so on."""
    return [
        DirectionReport(place, line.said, lines.lines[place ^ 1].listener.heard)
        for place, line in enumerate(lines.lines)
    ]


async def _watch(programs: Programs, witness: Witness) -> None:
    with contextlib.suppress(aiohttp.ClientError):
        async with programs.http.ws_connect(f"{programs.serve_url}/api/events") as ws:
            async for message in ws:
                if message.type == aiohttp.WSMsgType.TEXT:
                    witness.see(orjson.loads(message.data))
    witness.cut_off = True


def _report(
    scene: Scene,
    lines: Lines,
    counts: Counts,
    witness: Witness,
    before: ServerResources,
    used: ServerResources,
    stats: dict[str, object],
    observed: dict[str, object],
) -> dict[str, object]:
    stages = stats.get("stages_ms")
    stages = stages if isinstance(stages, dict) else {}
    seen = observed["counts"]
    seen = seen if isinstance(seen, dict) else {}
    back = recoveries(observed)
    unspoken = witness.unspoken - witness.untranslated
    said = {word.number for line in lines.lines for word in line.said}
    return {
        **words_in(counts),
        "perfect": counts.perfect(),
        "words_untranslated": len(witness.untranslated & said),
        "words_unspoken": len(unspoken & said),
        "audio_lost_reported_ms": round(witness.loss_ms, 1),
        "own_ms": stages.get("own"),
        "stages_ms": stages,
        "recovery_ms": percentiles(found.ms for found in back if found.ms is not None),
        "recoveries": [asdict(found) for found in back],
        "never_recovered": sum(found.ms is None for found in back),
        "sockets_opened": seen.get("listen.opened", 0),
        "handshakes": seen.get("listen.handshakes", 0),
        "handshakes_after_fault": handshakes_after_fault(observed),
        "services": seen,
        "cpu_seconds": round(used.cpu_seconds - before.cpu_seconds, 2),
        "rss_bytes": used.rss_bytes,
        "descriptors": used.descriptors,
        "threads": used.threads,
        "faults": observed["struck"],
        "streams": observed["streams"],
        "prerecorded": observed["answers"],
        "events": dict(witness.counts),
        "events_cut_off": witness.cut_off,
        "stats_totals": stats.get("totals"),
        "callers": {
            "datagrams_refused": sum(line.refused for line in lines.lines),
            "datagrams_heard": sum(line.listener.datagrams for line in lines.lines),
            "worst_lateness_ms": round(1000 * lines.worst_lateness, 1),
        },
        "scene": asdict(scene),
    }
