"""How long what the admin side does keeps the loop from the calls, with a thousand legs.

    python -m benches.stall [legs [part of a request]]

Real legs and sockets, half as many calls in which nobody speaks, no provider; one call has a
transcript of 2,000 lines. Printed for each request: the most work of the admin side's tasks in one
step, in ms of processor time, as the median and the most of `RUNS` runs (a step is what stands
between two turns of the loop; what others on the machine take is not in it); the longest time
between two turns of the loop, which has all of it in it; and the load of the machine. `idle` is what
the calls and the machine add.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import statistics
import sys
import time
import urllib.request
from collections.abc import Awaitable, Callable, Coroutine
from types import SimpleNamespace
from typing import Any, cast

import aiohttp
import structlog
import uvloop

from tests.support.board import BoardProviders
from translink.admin import AdminServer
from translink.admin.http.metered import Metered
from translink.admin.panel.console import Condition, Console
from translink.calls.draining import Draining
from translink.calls.exchange import Exchange
from translink.calls.switchboard import Switchboard
from translink.media import Media
from translink.observe.journal import Journal
from translink.observe.transcripts import Transcripts
from translink.process.collector import Pauses
from translink.process.resources import ProcessResources
from translink.process.threads import share_the_interpreter
from translink.providers.breaker import Breaker
from translink.providers.lineup import Lineup
from translink.providers.services import Services
from translink.recognition.rules import ListenRules
from translink.settings.model import Settings

RUNS = 7
DASHBOARD_SECONDS = 7.0
"""Longer than the ticker's rarest look."""
OBJECTS = 200
"""Fewer new ones in a second are nothing that begins."""
TALKATIVE = "1-1"
"""The call with a transcript."""
LINES = 2_000
REQUESTS = (
    "/",
    "/metrics",
    "/api/stats",
    "/api/calls?state=all",
    "/api/calls?q=nobody+said+that",
    "/api/legs",
    "/api/settings",
    f"/api/calls/{TALKATIVE}",
    f"/api/calls/{TALKATIVE}/transcript",
    f"/api/calls/{TALKATIVE}/transcript?format=srt",
    "/api/events/recent",
    "/openapi.json",
)


class WatchedLoop:
    """The longest time between two turns of the loop, and the most that a step of the admin side's
    tasks took of its thread."""

    def __init__(self) -> None:
        self.gap = self.step = 0.0

    async def turns(self) -> None:
        """Take a turn whenever there is one. Runs for ever."""
        last = time.perf_counter()
        while True:
            await asyncio.sleep(0)
            now = time.perf_counter()
            self.gap = max(self.gap, now - last)
            last = now

    def meter(self, loop: asyncio.AbstractEventLoop) -> None:
        """See each step of all that begins from now on."""

        def spent(seconds: float) -> None:
            self.step = max(self.step, seconds)

        async def metered(work: Coroutine[Any, Any, Any]) -> object:
            return await Metered(work, spent)

        def task(
            loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, Any], **more: Any
        ) -> asyncio.Task[Any]:
            file = getattr(getattr(work, "cr_code", None), "co_filename", "")
            if "/aiohttp/web" in file or "/translink/admin/" in file:
                work = metered(work)
            return asyncio.Task(work, loop=loop, **more)

        loop.set_task_factory(task)


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
    )
    transcripts = Transcripts(journal)
    for name in names[::2]:
        call = switchboard.connect(switchboard.legs[name])
        for stage in ("own", "mouth_to_ear", "ear_voice_span", "translate"):
            for step in range(100):
                call.stages.observe(stage, 0.001 * step)
    for number in range(LINES):
        said = {"text": "what people say in a line of their own", "language": "en"}
        place = {"segment": number, "began": 1.0 * number, "ended": number + 0.9}
        journal.emit("segment", {**said, **place}, call=TALKATIVE, leg="1")
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
        resources=ProcessResources(),
        offline=None,
        draining=Draining(switchboard, journal, settings.drain),
    )


async def measured(
    name: str, watched: WatchedLoop, act: Callable[[], Awaitable[object]], runs: int
) -> None:
    """Do it `runs` times, and print."""
    gaps: list[float] = []
    steps: list[float] = []
    for _ in range(runs):
        watched.gap = watched.step = 0.0
        watching = asyncio.create_task(watched.turns())
        await act()
        watching.cancel()
        gaps.append(watched.gap * 1000)
        steps.append(watched.step * 1000)
        await asyncio.sleep(1.1)  # until nothing is given out again, and the rate allows it
    load = os.getloadavg()[0]
    figures = (statistics.median(steps), max(steps), statistics.median(gaps), max(gaps))
    print(f"{name:40}" + "".join(f"{each:9.1f}" for each in figures) + f"   {load:.1f}", flush=True)


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
            legs = [leg for row in hello["calls"] for leg in row["legs"]][:64]
            await socket.send_json({"watch": {"calls": calls, "levels": legs}})
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(DASHBOARD_SECONDS):
                    while True:
                        await socket.receive()

    await asyncio.to_thread(asyncio.run, watch())


async def calls_have_begun() -> None:
    """A thousand legs' tasks begin for seconds, and the collector looks at each of them."""
    before = -1
    for _ in range(30):
        if (now := len(gc.get_objects())) - before < OBJECTS:
            return
        before = now
        await asyncio.sleep(1.0)


async def main(legs: int, part: str) -> None:
    """All of it."""
    logging.disable(logging.INFO)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    share_the_interpreter()  # as the app does
    media, watched = Media(), WatchedLoop()
    media.start()
    pauses = Pauses()
    pauses.watch()  # as the app does: the calls come later
    console = program(media, legs)
    watched.meter(asyncio.get_running_loop())
    server = AdminServer(console, port=0)
    await server.start()
    await calls_have_begun()

    def get(path: str) -> None:
        with urllib.request.urlopen(server.url + path, timeout=300) as response:
            response.read()

    columns = ("step p50", "most", "gap p50", "most")
    print(f"{'ms':40}" + "".join(f"{each:>9}" for each in columns))
    await measured("idle", watched, lambda: asyncio.sleep(1.0), RUNS)
    for path in (path for path in REQUESTS if part in path):
        await measured(path, watched, lambda path=path: asyncio.to_thread(get, path), RUNS)
    if part in "a dashboard":
        await measured("a dashboard", watched, lambda: dashboard(server.url), 3)
    print(f"collector: {pauses.summary()}")
    await server.close()
    media.close()
    os._exit(0)  # calls are still running, and nobody waits for them


if __name__ == "__main__":
    uvloop.run(main(int((sys.argv[1:] or ["1000"])[0]), "".join(sys.argv[2:])))
