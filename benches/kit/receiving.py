"""What receives in a process of its own: `python -m benches.kit.receiving NAME LEGS MOOD SOURCE`.

`engine` is translink's media engine as asyncio has it, `shared` the same with one port for all
legs; `asyncio` and `uvloop` are the reference of `benches/reference_udp.py`; `mailbox` is the engine
once more, with every frame timed, and `attached` its rival: a native thread that calls
`call_soon_threadsafe` for each frame (`native/attached.c`). They talk as `native/floor.c` and
`native/dgram.mjs` do: print the ports, begin to count at the line `begin`, tell what they counted at
the line `end`.

The mood gives the loop something else to do: `busy` works 3 ms in every 5, `hold` keeps the
interpreter's lock for 50 ms in every 60, `idle` does neither.
"""

from __future__ import annotations

import asyncio
import ctypes
import itertools
import json
import os
import resource
import socket
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import uvloop

from benches.kit.native import library
from benches.kit.processes import thread_seconds
from benches.kit.quantiles import curve, named
from benches.kit.receivers import RECEIVE_BUFFER, sender_of
from benches.reference_udp import ReferenceLeg
from translink._core import Frame
from translink.media import Media
from translink.settings.legs import LegSettings
from translink.settings.shared_port import SharedPortSettings
from translink.settings.types import Address


class EngineLegs:
    """translink: the media thread and its reader on the loop."""

    def __init__(self, legs: int, source: int | None = None) -> None:
        """`source`: on a shared port, sent to from that port of an address for each leg."""
        here = Address("127.0.0.1", 0)
        self._media = Media(
            shared_port=SharedPortSettings(listen=here, receive_buffer=RECEIVE_BUFFER)
        )
        self._media.start()
        self._waits: list[int] = []
        own = LegSettings(
            name="any",
            language="en",
            listen=here,
            send_from_listen=True,
            receive_buffer=RECEIVE_BUFFER,
        )
        self._legs = [
            self._media.add_leg(own if source is None else _sharing(leg, source))
            for leg in range(legs)
        ]
        for opened in self._legs:
            opened.on_frames = self._hear
        self.ports = [leg.listen_address[1] for leg in self._legs]

    def begin(self) -> None:
        """Count from now."""
        self._before = self._totals()
        self._threads = thread_seconds(os.getpid())
        self._batches = self._media.shared_port.stats().get("batches", 0)
        self._waits.clear()

    def end(self) -> dict[str, Any]:
        """What was counted."""
        threads = {
            name: used - self._threads.get(name, 0.0)
            for name, used in thread_seconds(os.getpid()).items()
        }
        loop = threads.pop("loop")
        batches = self._media.shared_port.stats().get("batches", 0) - self._batches
        reported = {key: value - self._before[key] for key, value in self._totals().items()}
        return {
            "datagrams": reported.pop("datagrams_in"),
            "frames": reported.pop("frames_in") - reported.pop("frames_padded"),
            "loop_seconds": loop,
            "media_seconds": sum(threads.values()),
            "batches": batches,
            "ready_to_python_ms": named(self._waits, 1e-6),
            "ready_to_python_curve": curve(self._waits, 1e-6),
            **reported,
        }

    def _hear(self, frames: list[Frame]) -> None:
        self._waits.append(time.monotonic_ns() - frames[0].ready)

    def _totals(self) -> dict[str, int]:
        keys = ("datagrams_in", "frames_in", "frames_padded", "drops_kernel", "drops_ring")
        totals = dict.fromkeys(keys, 0)
        for leg in self._legs:
            counters = leg.counters()
            for key in keys:
                totals[key] += int(counters[key])  # type: ignore[literal-required]
        return totals


def _sharing(leg: int, source: int) -> LegSettings:
    return LegSettings(name="any", language="en", shared=True, source=(sender_of(leg, source),))


class MailboxLegs(EngineLegs):
    """The same, with every frame timed, from the mailbox and from the sender."""

    def __init__(self, legs: int) -> None:
        super().__init__(legs)
        self._ages: list[int] = []

    def begin(self) -> None:
        """Count from now."""
        super().begin()
        self._ages.clear()

    def end(self) -> dict[str, Any]:
        """What was counted."""
        return super().end() | _ages(self._ages) | {"frames": len(self._ages)}

    def _hear(self, frames: list[Frame]) -> None:
        now = time.monotonic_ns()
        for frame in frames:
            if not frame.filled:
                self._waits.append(now - frame.ready)
                self._ages.append(now - int.from_bytes(frame.pcm[8:16], "little"))


class AttachedLegs:
    """A native thread that hands each frame to the loop by `call_soon_threadsafe`."""

    def __init__(self, legs: int) -> None:
        self._native = ctypes.CDLL(str(library("attached")))
        self._native.attached_datagrams.restype = ctypes.c_uint64
        self._native.attached_stalls.restype = ctypes.POINTER(ctypes.c_uint32)
        ports = (ctypes.c_int * legs)()
        if self._native.attached_open(legs, RECEIVE_BUFFER, ports):
            raise OSError("no sockets")
        self.ports = list(ports)
        self._waits: list[int] = []
        loop = asyncio.get_running_loop()

        def frame(leg: int, sent: int) -> None:
            loop.call_soon_threadsafe(self._hear, leg, sent)

        self._frame = ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_uint64)(frame)
        run = self._native.attached_run
        threading.Thread(target=run, args=(self._frame,), daemon=True).start()

    def begin(self) -> None:
        """Count from now."""
        self._waits.clear()
        self._before = self._native.attached_datagrams()

    def end(self) -> dict[str, Any]:
        """What was counted."""
        after = self._native.attached_datagrams()
        reported = self._native.attached_stalls()
        return {
            "datagrams": after - self._before,
            "frames": len(self._waits),
            **_ages(self._waits),
            "stall_ms": named((reported[n] for n in range(self._before, after)), 1e-6),
        }

    def _hear(self, leg: int, sent: int) -> None:
        self._waits.append(time.monotonic_ns() - sent)


class ReferenceLegs:
    """The asyncio reference."""

    def __init__(self, legs: list[ReferenceLeg]) -> None:
        self._legs = legs
        self._frames = 0
        self._sweep()
        self.ports = [leg.address[1] for leg in legs]

    @classmethod
    async def open(cls, legs: int) -> ReferenceLegs:
        """Bind them all."""
        made = [await ReferenceLeg.open(("127.0.0.1", 0)) for _ in range(legs)]
        for leg in made:
            leg.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        return cls(made)

    def begin(self) -> None:
        """Count from now."""
        for leg in self._legs:
            leg.frames.clear()
        self._frames = 0
        self._before = sum(leg.datagrams_in for leg in self._legs)

    def end(self) -> dict[str, Any]:
        """What was counted."""
        frames = self._frames + sum(len(leg.frames) for leg in self._legs)
        return {
            "datagrams": sum(leg.datagrams_in for leg in self._legs) - self._before,
            "frames": frames,
        }

    def _sweep(self) -> None:
        """Nobody takes the frames here: throw them away now and then, or memory grows."""
        for leg in self._legs:
            self._frames += len(leg.frames)
            leg.frames.clear()
        asyncio.get_running_loop().call_later(0.5, self._sweep)


def _ages(nanos: list[int]) -> dict[str, Any]:
    """From the sender's stamp to the callback."""
    return {"sent_to_python_ms": named(nanos, 1e-6), "sent_to_python_curve": curve(nanos, 1e-6)}


async def _serve(name: str, legs: int, mood: str, source: int) -> None:
    receiver = await _receiver(name, legs, source)
    other = asyncio.create_task(_moods[mood]())
    _tell("ready " + " ".join(map(str, receiver.ports)))
    heard: asyncio.Queue[str] = asyncio.Queue()
    loop = asyncio.get_running_loop()
    loop.add_reader(sys.stdin, lambda: heard.put_nowait(sys.stdin.readline()))
    while (line := await heard.get()).startswith("begin"):
        began = time.process_time()
        receiver.begin()
        _tell("begun")
    if line:
        used = time.process_time() - began
        _tell(json.dumps(receiver.end() | {"cpu_seconds": used}))
    other.cancel()
    sys.stdout.flush()
    os._exit(0)  # a thousand sockets are closed by the kernel, not one by one


async def _receiver(name: str, legs: int, source: int) -> EngineLegs | AttachedLegs | ReferenceLegs:
    match name:
        case "engine":
            return EngineLegs(legs)
        case "shared":
            return EngineLegs(legs, source)
        case "mailbox":
            return MailboxLegs(legs)
        case "attached":
            return AttachedLegs(legs)
        case _:
            return await ReferenceLegs.open(legs)


async def _idle() -> None:
    """Nothing else."""


async def busy() -> None:
    """What else a loop does: 3 ms of work in every 5."""
    begin = time.monotonic()
    for turn in itertools.count():
        end = time.monotonic() + 0.003
        while time.monotonic() < end:
            pass
        await asyncio.sleep(max(0.0, begin + turn * 0.005 - time.monotonic()))


async def _hold() -> None:
    """A library that keeps the interpreter's lock for 50 ms, again and again."""
    sleep = ctypes.PyDLL(None).usleep  # PyDLL keeps the lock while it sleeps
    while True:
        sleep(50_000)
        await asyncio.sleep(0.01)


_moods = {"idle": _idle, "busy": busy, "hold": _hold}


def _tell(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> None:
    """Be a receiver."""
    name, legs, mood, source = sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4])
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 4 * legs + 256)), hard))
    factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    if name == "asyncio":
        factory = asyncio.new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(_serve(name, legs, mood, source))


if __name__ == "__main__":
    main()
