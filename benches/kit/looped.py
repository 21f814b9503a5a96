"""A whole translink whose every step is ordered from here, for callgrind: `python -m benches.kit.looped WHAT
CALLS ROUNDS URL [VOICES]`.

In each round of 20 ms each leg is sent a frame; all of them are in the mailbox before the loop's thread looks, once.
WHAT is counted: `frames`, that look and all that it does up to the transport's `write`; `rest`, what the loop does
until the next: results, translations, speech, log lines, timers. VOICES: `talking` (as a rule), or `silent`: nobody
says anything, as most of the time one of two does not.
"""

from __future__ import annotations

import asyncio
import ctypes
import itertools
import os
import random
import socket
import sys
import tempfile
import time
from array import array
from dataclasses import replace
from pathlib import Path
from typing import Any

import uvloop

from benches.kit.native import library
from translink.app import App
from translink.callers.ports import free_port
from translink.callers.server_process import LegPlan, settings_file
from translink.log import configure
from translink.media.media import Media
from translink.process.pressure import Level
from translink.recognition.rules import ListenRules
from translink.settings.model import Settings
from translink.wiring.providers import Providers

ROUND = 0.02
PATIENCE = 3600.0
"""Seconds."""
PARTS = ("frames", "rest")
STEADY = 50
"""Rounds in which no more was sent than came, and no less: every connection is open and every backlog sent."""
SETTLED = 300
"""Rounds before which nothing counts: the detector takes a quiet room for speech until it knows it, and silence
leaves in long messages a second later."""
WARM_UP = 5000
"""Rounds in which that must have come about."""


class Held:
    """The engine, whose mailbox is emptied once a round, all of it."""

    def __init__(self, engine: Any) -> None:
        self._engine = engine
        self._waiting: list[Any] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)

    def gather(self, frames: int, patience: float = 60.0) -> None:
        """Wait until so many frames are there."""
        until = time.monotonic() + patience
        while sum(hasattr(item, "pcm") for item in self._waiting) < frames:
            if time.monotonic() > until:
                raise RuntimeError("frames are missing")
            time.sleep(0.001)
            self._waiting += self._engine.drain(4096)

    def drain(self, _: int) -> list[Any]:
        """What was gathered."""
        items, self._waiting = self._waiting, []
        return items


def speech(seed: int) -> list[bytes]:
    """Ten seconds of something that is speech to the detector, in frames, without a long pause."""
    rng = random.Random(seed)
    frames = []
    for n in range(500):
        level = rng.choice((3000, 5000, 8000)) if n % 40 else 200
        frames.append(array("h", [rng.randint(-level, level) for _ in range(320)]).tobytes())
    return frames


def silence(seed: int) -> list[bytes]:
    """Ten seconds of a quiet room, in frames."""
    rng = random.Random(seed)
    return [array("h", [rng.randint(-20, 20) for _ in range(320)]).tobytes() for _ in range(500)]


VOICES = {"talking": speech, "silent": silence}


async def run(
    what: str, calls: int, rounds: int, url: str, folder: Path, voices: str = "talking"
) -> None:
    """Count that many rounds."""
    counting = ctypes.CDLL(str(library("counting")))
    home = "127.0.0.1"
    legs = [
        LegPlan(
            str(1000 + n), "fr" if n % 2 else "en",
            (home, free_port(socket.SOCK_DGRAM)), (home, free_port(socket.SOCK_DGRAM)),
        )
        for n in range(2 * calls)
    ]  # fmt: skip
    config = folder / "translink.toml"
    extra = (
        'mode = "streaming"\ndrain_timeout = 0.1\n[echo]\nguard = false\n'
        f'[deepgram]\napi_key = "bench"\nbase_url = "{url}"\n'
        f'[deepl]\napi_key = "bench"\nserver_url = "{url}"\n'
        "[fallback]\noffline = false\n"
    )
    # No silence is filled in: a round may take a second where callgrind has little of a processor.
    written = settings_file(legs, free_port(socket.SOCK_STREAM), extra)
    config.write_text(written.replace("\nplay_to", "\ntail_ms = 0\nplay_to"))
    settings = Settings.load(config=config, environ={})
    found: list[Media] = []
    start = Media.start

    def started(media: Media) -> None:
        start(media)
        found.append(media)

    Media.start = started  # type: ignore[method-assign]
    rules = Providers.rules
    Providers.rules = lambda it: _patient(rules(it))  # type: ignore[method-assign]
    app = App(settings, lambda: settings)
    # Under callgrind the thread is always busy: nothing is given up for that.
    app.pressure.observe = lambda now, lag, busy: Level.CALM  # type: ignore[method-assign]
    async with app.running():
        (media,) = found
        asyncio.get_running_loop().remove_reader(media._engine.fileno())
        held = Held(media._engine)
        media._engine = held  # type: ignore[assignment]
        mouth = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        said = [VOICES[voices](n) for n in range(len(legs))]
        look = rest = _nothing
        sent, since, left = 0, 0, -1
        began, spoken = 0.0, 0
        for n in itertools.count():
            if left < 0 and n - since == STEADY:
                if n > SETTLED and _sent(app) - sent == STEADY * len(legs):
                    counting.begin()
                    began = time.monotonic()
                    spoken = _spoken(app)
                    look, rest = (counting.toggle if what == it else _nothing for it in PARTS)
                    left = rounds
                elif n > WARM_UP:
                    raise RuntimeError("it did not become steady")
                sent, since = _sent(app), n
            if not left:
                break
            left -= left > 0
            due = time.monotonic() + ROUND
            for leg, frames in zip(legs, said, strict=True):
                mouth.sendto(frames[n % 500], leg.listen)
            held.gather(len(legs))
            look()
            media._drain()
            look()
            rest()
            await asyncio.sleep(max(0.001, due - time.monotonic()))
            rest()
        each_ms = (time.monotonic() - began) / rounds * 1000
        print(_sent(app) - sent, f"{each_ms:.1f}", _spoken(app) - spoken, flush=True)
        os._exit(0)


def _patient(rules: ListenRules) -> ListenRules:
    """No stream is given up for being slow."""
    feed = replace(rules.feed, patience=PATIENCE, blocked=PATIENCE)
    finalize = replace(rules.finalize, unanswered=PATIENCE, stuck=PATIENCE, overdue=PATIENCE)
    return replace(rules, feed=feed, finalize=finalize)


def _sent(app: App) -> int:
    """Frames that went to the recogniser so far."""
    legs = app.switchboard.legs.values()
    return sum(leg.interpreter.listener.stats.frames_sent for leg in legs if leg.interpreter)


def _spoken(app: App) -> int:
    """Segments that were translated so far."""
    legs = app.switchboard.legs.values()
    return sum(leg.interpreter.tally.translated for leg in legs if leg.interpreter)


def _nothing() -> None:
    pass


def main() -> None:
    """As the arguments say."""
    what, calls, rounds, url, *voices = sys.argv[1:6]
    with tempfile.TemporaryDirectory() as folder:
        configure(level="info", format="json", stream=open(Path(folder) / "log", "w"))  # noqa: SIM115
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(run(what, int(calls), int(rounds), url, Path(folder), *voices))


if __name__ == "__main__":
    main()
