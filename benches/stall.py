"""How long what the admin side does keeps the loop from the calls, with a thousand legs.

    python -m benches.stall [legs]

Real legs and sockets, half as many calls in which nobody speaks, no provider. Printed for each
request: the longest time between two turns of the loop in a run of it, and the most work of the loop's
thread in one turn, as the median and the most of `RUNS` runs; and the load of the machine. `idle` is
what the machine itself adds.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import statistics
import sys
import time
import urllib.request
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import cast

import aiohttp
import structlog
import uvloop

from tests.support.board import BoardProviders
from translink.admin import AdminServer
from translink.admin.panel.console import Condition, Console
from translink.calls.exchange import Exchange
from translink.calls.segments import SegmentPolicy
from translink.calls.switchboard import Switchboard
from translink.media import Media
from translink.observe.journal import Journal
from translink.observe.transcripts import Transcripts
from translink.process.collector import Pauses
from translink.process.usage import ProcessUsage
from translink.providers.breaker import Breaker
from translink.providers.lineup import Lineup
from translink.providers.services import Services
from translink.recognition.rules import ListenRules
from translink.settings.model import Settings

RUNS = 7
DASHBOARD_SECONDS = 7.0
"""Longer than the ticker's rarest look."""
REQUESTS = ("/metrics", "/api/stats", "/api/calls?state=all", "/api/settings")


class Gaps:
    """The longest time between two turns of the loop, and the most work of its thread in one: the
    first has in it what others on the machine take."""

    def __init__(self) -> None:
        self.most = self.work = 0.0

    async def watch(self) -> None:
        """Take a turn whenever there is one. Runs for ever."""
        last, worked = time.perf_counter(), time.thread_time()
        while True:
            await asyncio.sleep(0)
            now, work = time.perf_counter(), time.thread_time()
            self.most = max(self.most, now - last)
            self.work = max(self.work, work - worked)
            last, worked = now, work


def program(media: Media, legs: int) -> Console:
    """A console over `legs` open legs, with a call on each pair."""
    names = [str(number) for number in range(1, legs + 1)]
    settings = Settings.model_validate(
        {
            "idle_timeout": 3600,
            "legs": [
                {
                    "name": name,
                    "language": "en" if int(name) % 2 else "fr",
                    "listen": 0,
                    "send_from_listen": True,
                    "ledger_seconds": 5,
                    "receive_buffer": 65_536,
                }
                for name in names
            ],
        }
    )
    providers, journal = BoardProviders(), Journal()
    switchboard = Switchboard(
        settings,
        {leg.name: media.add_leg(leg) for leg in settings.legs},
        services=Services(
            live=providers,
            breaker=Breaker("fake"),
            transcribe=providers.transcribe,
            translate=providers.translate,
            speak=providers.speak,
        ),
        journal=journal,
        rules=ListenRules(),
        policy=SegmentPolicy(),
    )
    transcripts = Transcripts(journal)
    for name in names[::2]:
        call = switchboard.connect(switchboard.legs[name])
        for stage in ("own", "mouth_to_ear", "ear_voice_span", "translate"):
            for step in range(100):
                call.stages.record(stage, 0.001 * step)
    gate = SimpleNamespace(active=0, waiting=0, waited=0, refused=0)
    lineup = SimpleNamespace(gate=gate, breakers=dict, in_line=dict, stream="first", down=list)
    return Console(
        settings,
        Condition(),
        switchboard=switchboard,
        exchange=Exchange(settings.calls, switchboard, open_leg=media.add_leg),
        lineup=cast("Lineup", lineup),
        journal=journal,
        transcripts=transcripts,
        pressure=switchboard.pressure,
        usage=ProcessUsage(),
        offline=None,
    )


async def measured(name: str, act: Callable[[], Awaitable[object]], runs: int) -> None:
    """Do it `runs` times, and print."""
    found: list[float] = []
    worked: list[float] = []
    for _ in range(runs):
        gaps = Gaps()
        watching = asyncio.create_task(gaps.watch())
        await act()
        watching.cancel()
        found.append(gaps.most * 1000)
        worked.append(gaps.work * 1000)
        await asyncio.sleep(1.1)  # until nothing is given out again, and the rate allows it
    load = os.getloadavg()[0]
    figures = (statistics.median(worked), max(worked), statistics.median(found), max(found))
    print(f"{name:22}" + "".join(f"{each:9.1f}" for each in figures) + f"   {load:.1f}", flush=True)


async def dashboard(url: str) -> None:
    """Comes, watches a hundred calls, stays for a while. In a thread: what it does is not counted,
    but for the lock of the interpreter."""

    async def watch() -> None:
        async with (
            aiohttp.ClientSession() as session,
            session.ws_connect(url + "/api/live", max_msg_size=0) as socket,
        ):
            hello = await socket.receive_json()
            calls = [row["call"] for row in hello["calls"]][:100]
            await socket.send_json({"watch": {"calls": calls}})
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(DASHBOARD_SECONDS):
                    while True:
                        await socket.receive()

    await asyncio.to_thread(asyncio.run, watch())


async def main(legs: int) -> None:
    """All of it."""
    logging.disable(logging.INFO)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    media = Media()
    media.start()
    server = AdminServer(program(media, legs), port=0)
    await server.start()
    await asyncio.sleep(1.0)
    Pauses().watch()  # as the app does

    def get(path: str) -> None:
        with urllib.request.urlopen(server.url + path, timeout=60) as response:
            response.read()

    print(f"{'ms':22}" + "".join(f"{each:>9}" for each in ("work p50", "most", "wall p50", "most")))
    await measured("idle", lambda: asyncio.sleep(1.0), RUNS)
    for path in REQUESTS:
        await measured(path, lambda path=path: asyncio.to_thread(get, path), RUNS)
    await measured("a dashboard", lambda: dashboard(server.url), 3)
    await server.close()
    media.close()
    os._exit(0)  # calls are still running, and nobody waits for them


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000))
