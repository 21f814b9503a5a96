"""Players for many ears, each a process of its own: `python -m benches.kit.players NAME SECONDS`.

`engine` is translink's media thread, `shared` the same from one port; `uvloop` and `asyncio` pace in
the loop, at absolute deadlines (`benches/reference_udp.py`). The ears' ports come on the first line; at
the line `begin` speech is given to all, a second at a time as a voice would make it, the ears one after
the other so that they are spread over 20 ms. `busy` as a third argument gives the loop other work: 3 ms
in every 5.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from typing import Any

import uvloop

from benches.kit.receiving import busy
from benches.reference_udp import TICK, ReferenceLeg
from translink.media import Media
from translink.settings.legs import LegSettings
from translink.settings.shared_port import SharedPortSettings
from translink.settings.types import Address

SECOND = bytes(range(256)) * 125
AHEAD = 2
"""Seconds of speech that wait at the beginning, and roughly all the time."""


class EnginePlayers:
    """translink."""

    def __init__(self, ports: list[int], *, shared: bool) -> None:
        here = Address("127.0.0.1", 0)
        self._media = Media(shared_port=SharedPortSettings(listen=here))
        self._media.start()
        own = {"listen": here}
        self._legs = [
            self._media.add_leg(
                LegSettings.model_validate(
                    {
                        **({"shared": True, "source": f"127.0.0.1:{port}"} if shared else own),
                        "name": str(port),
                        "language": "en",
                        "play_to": f"127.0.0.1:{port}",
                        "ledger_seconds": 5.0,
                    }
                )
            )
            for port in ports
        ]

    def play(self, ear: int, last: bool) -> None:
        """Another second for one ear."""
        self._legs[ear].play(1, SECOND, last)

    def reported(self) -> dict[str, Any]:
        """What the engine counted."""
        counters = [leg.counters() for leg in self._legs]
        return {
            "late_wakes": sum(each["late_wakes"] for each in counters),
            "underruns": sum(each["underruns"] for each in counters),
            "queued": sum(each["playout_queued"] for each in counters),
        }


class ReferencePlayers:
    """asyncio or uvloop."""

    def __init__(self, legs: list[ReferenceLeg]) -> None:
        self._legs = legs

    @classmethod
    async def open(cls, ports: list[int]) -> ReferencePlayers:
        """Bind them all."""
        home = ("127.0.0.1", 0)
        return cls([await ReferenceLeg.open(home, ("127.0.0.1", port)) for port in ports])

    def play(self, ear: int, last: bool) -> None:
        """Another second for one ear."""
        self._legs[ear].play(SECOND)

    def reported(self) -> dict[str, Any]:
        """Nothing: it counts nothing."""
        return {}


async def _play(name: str, seconds: int, mood: str) -> None:
    ports = [int(port) for port in sys.stdin.readline().split()]
    if name in ("engine", "shared"):
        players: EnginePlayers | ReferencePlayers = EnginePlayers(ports, shared=name == "shared")
    else:
        players = await ReferencePlayers.open(ports)
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    other = asyncio.create_task(busy()) if mood == "busy" else None
    before = time.process_time()
    begin = time.monotonic()
    for second in range(seconds):
        # The first two at once, then one each second; the ears spread over a tick.
        for ear in range(len(ports)):
            due = begin + max(0, second - AHEAD + 1) + ear * TICK / len(ports)
            if (wait := due - time.monotonic()) > 0.0005:
                await asyncio.sleep(wait)
            players.play(ear, second == seconds - 1)
    await asyncio.sleep(max(0.0, begin + seconds + 0.5 - time.monotonic()))
    used = time.process_time() - before
    if other is not None:
        other.cancel()
    print(json.dumps({"cpu_seconds": used, **players.reported()}), flush=True)


def main() -> None:
    """Be a player."""
    name, seconds, mood = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    factory = asyncio.new_event_loop if name == "asyncio" else uvloop.new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(_play(name, seconds, mood))


if __name__ == "__main__":
    main()
