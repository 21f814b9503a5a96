"""`translink demo --talk`: a server of one's own, and the two links of a call from two browsers."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
import webbrowser
from pathlib import Path

import aiohttp
import uvloop
from rich.console import Console

from translink.callers.demo import (
    DEMO_LANGUAGES,
    FAILED,
    fail,
    make_private,
    need_recogniser,
    server_for,
)
from translink.callers.ports import loopback
from translink.callers.server_process import LegPlan
from translink.errors import TranslinkError

STARTING = 180.0
"""Seconds that the engines may take on a busy machine, the first time ever; five are usual."""


def run_talk_demo(out: str | Path = "demo-out", use_keys: bool = False) -> int:
    """Serve until interrupted.

    Args:
        out: folder for `server.log`.
        use_keys: hand the keys in the environment on to the server. The services behind them charge.

    Returns:
        0 interrupted, as is meant; 2 something is missing on this machine; 1 the server failed.
    """
    console = Console(stderr=True)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # else the server would go on
    try:
        folder = Path(out)
        make_private(folder)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_serve(folder, console, keys=use_keys))
    except KeyboardInterrupt:
        console.print("The server was stopped.")
        return 0
    except (TranslinkError, OSError) as error:
        return fail(console, error)
    return FAILED


async def _serve(folder: Path, console: Console, *, keys: bool) -> None:
    need_recogniser(keys=keys)
    plans = [
        LegPlan(name, language, loopback(), loopback()) for name, language in DEMO_LANGUAGES.items()
    ]
    console.print("Starting the server and its engines: some seconds, more the first time ever")
    async with contextlib.AsyncExitStack() as stack:
        server = server_for(folder, plans, stack, keys=keys)
        stack.push_async_callback(server.stop)
        await server.start(STARTING)
        mine, theirs = await _links(server.url)
        quality = "" if keys else "\n  Offline demo quality: English and French, in set phrases."
        console.print(
            f"Talk here:         {mine}\n  and in another tab: {theirs}{quality}\n"
            "  From a telephone: translink serve --tls-self-signed (docs/telephony.md). Ctrl-C ends it.",
            markup=False,
            highlight=False,
            soft_wrap=True,
        )
        if sys.stderr.isatty():
            webbrowser.open(mine)
        await server.ended()


async def _links(url: str) -> tuple[str, str]:
    async with aiohttp.ClientSession() as http, http.post(f"{url}/api/talks", json={}) as answer:
        one, two = (await answer.json())["links"]
    return url + one, url + two
