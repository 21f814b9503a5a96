"""The beacon server: the offline server over beacon engines, with faults at hand. For tests only.

Its habits are nova-3's as observed and documented (protocol notes of 2026): a first interim soon
after speech began and about one a second, `is_final` pieces in mid-turn, a backlog accepted at 1.25
times real time, an idle timeout of some 12 s, finals a quarter of a second late. A piece that is
cut in mid-word ends with its last whole word (`hold_final`), so that what was acknowledged is
whole.

Besides the services it has `/faults`, for the test that runs it: GET answers with the script's
observations; POST takes `{"begin": true}` (forget, restart the clock) and/or `{"strike":
["listen:reset"]}` (now) or `{"play": ["listen:reset@12.5", …], "seconds": 60, "seed": 1}` (each at
its time).
"""

from __future__ import annotations

import asyncio
import ssl
import sys
from dataclasses import replace

import orjson
import uvloop
from aiohttp import web

from translink.offline.hooks import SERVICES
from translink.offline.run import serve_until_stopped
from translink.offline.server import OfflineServer
from translink.offline.session import ListenTiming
from translink.sim.beacon_engines import BeaconTiming, beacon_engines
from translink.sim.fault_language import parse, schedule
from translink.sim.script import Delays, Script

TESTBED_TIMING = ListenTiming(
    interim=0.9,
    first_interim=0.4,
    min_endpointing=0.2,
    piece=3.5,
    piece_limit=7.0,
    empty_final=5.0,
    idle_timeout=11.0,
    interim_delay=0.1,
    final_delay=0.25,
    backlog_rate=1.25,
    backlog_slack=1.0,
    backlog_refused=True,
    hold_final=True,
)

ENDPOINTING = 0.3
"""Seconds; translink's default."""

ROOMY_LIMITS = dict.fromkeys(SERVICES, 2000)
"""Room for every load test; a script's `limit` makes it narrow."""


def beacon_server(
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    seed: int = 0,
    listen: ListenTiming | None = None,
    engines: BeaconTiming | None = None,
    delays: Delays | None = None,
    tls: ssl.SSLContext | None = None,
) -> tuple[OfflineServer, Script]:
    """A server that was not started yet, and its script."""
    script = Script(seed=seed, delays=delays)
    parts = beacon_engines(seed, engines)
    server = OfflineServer(
        host=host,
        port=port,
        recognizer=parts.recognizer,
        translator=parts.translator,
        synthesizer=parts.synthesizer,
        timing=listen or TESTBED_TIMING,
        faults=script,
        limits=ROOMY_LIMITS,
        routes=Control(script).routes(),
        tls=tls,
    )
    return server, script


class Control:
    """The handler of `/faults`."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self._plays: set[asyncio.Task[None]] = set()

    def routes(self) -> list[web.RouteDef]:
        """For `OfflineServer(routes=…)`."""
        return [web.get("/faults", self._report), web.post("/faults", self._order)]

    async def _report(self, request: web.Request) -> web.Response:
        return _json(self._script.report())

    async def _order(self, request: web.Request) -> web.Response:
        try:
            order = orjson.loads(await request.read())
            strikes = [parse(text) for text in order.get("strike", [])]
            plays = [parse(text) for text in order.get("play", [])]
            seconds, seed = float(order.get("seconds", 60)), int(order.get("seed", 0))
        except (AttributeError, TypeError, ValueError) as error:
            return _json({"error": str(error)}, status=400)
        if order.get("begin"):
            self._script.restart()
        for fault in strikes:
            await self._script.strike(fault)
        timed = schedule(plays, seconds=seconds, seed=seed)
        if timed:
            task = asyncio.create_task(self._script.play(timed), name="faults")
            self._plays.add(task)
            task.add_done_callback(self._plays.discard)
        return _json({"scheduled": [str(fault) for fault in timed]})


def _json(content: object, status: int = 200) -> web.Response:
    return web.Response(body=orjson.dumps(content), content_type="application/json", status=status)


def main() -> None:
    """`python -m translink.sim.testbed [seed [delays [pem]]]`: one line of JSON, then serves until
    its standard input ends, so that it never outlives its parent (see `offline.child`). `delays` are
    fixed ones, as `300/80/200` (see `fixed_delays`), or empty; `pem` a file with a certificate and its
    key: then HTTPS and WSS.
    """
    seed = int(sys.argv[1]) if len(sys.argv) > 1 else 0
    delays, pem = [*sys.argv[2:], "", ""][:2]
    listen, engines = fixed_delays(delays) if delays else (None, None)
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH) if pem else None
    if tls:
        tls.load_cert_chain(pem)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve_until_eof(seed, listen, engines, tls))


def fixed_delays(text: str) -> tuple[ListenTiming, BeaconTiming]:
    """Milliseconds from the end of a turn to its final result, from a text to its translation and
    from that to its first sound, without any chance: `300/80/200`. Raises `ValueError`.

    Of the first, `ENDPOINTING` is the silence that ends a turn, which the client asks for.
    """
    final, translate, speak = (float(part) / 1000 for part in text.split("/"))
    if final < ENDPOINTING:
        raise ValueError(f"a turn ends after {1000 * ENDPOINTING:.0f} ms at the earliest")
    return (
        replace(TESTBED_TIMING, interim_delay=0.0, final_delay=final - ENDPOINTING),
        BeaconTiming(translate=translate, speak=speak, jitter=0.0),
    )


async def _serve_until_eof(
    seed: int,
    listen: ListenTiming | None,
    engines: BeaconTiming | None,
    tls: ssl.SSLContext | None,
) -> None:
    server, _ = beacon_server(seed=seed, listen=listen, engines=engines, tls=tls)
    await server.start()
    await serve_until_stopped(server, _line(server.url), until_eof=True)


def run_testbed(*, host: str, port: int, json: bool) -> int:
    """The command `translink offline --engine beacon`: serve until SIGTERM or SIGINT."""

    async def serve() -> None:
        server, _ = beacon_server(host=host, port=port)
        await server.start()
        text = _line(server.url) if json else f"Beacon server, for tests: {server.url}, any key\n"
        await serve_until_stopped(server, text)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve())
    return 0


def _line(url: str) -> str:
    return orjson.dumps({"url": url}).decode() + "\n"


if __name__ == "__main__":
    main()
