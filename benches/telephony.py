"""Calls against words, as a telephone system brings them: the table of docs/telephony.md, by one command.

    python -m benches.telephony                    # all rows, about a quarter of an hour
    python -m benches.telephony --only loss        # rows whose name holds this
    python -m benches.telephony --write docs/telephony.md

Rows with a real Asterisk need its root (tools/pbx-root). Everything on loopback. Exit code 1: a row failed.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benches.kit.telephones import (
    BenchTelephone,
    NetworkConditions,
    PhoneTalk,
    delays,
    packets,
    through,
    whole,
)
from benches.reporting.targets import write_between
from tests.fakes.providers import FakeProviders, fake_providers
from tests.support.asterisk import Asterisk, spoken
from tests.support.serve import Serve, serving
from translink.callers.ports import free_port
from translink.callers.server_process import LegPlan, resources_of
from translink.sim.programs import Programs

ROOT = Path(__file__).resolve().parent.parent
LEGS = '[[legs]]\nname = "3333"\nlanguage = "en"\n[[legs]]\nname = "4444"\nlanguage = "fr"\n'
WORDS = 10
GONE = 10.0
"""Seconds after which nothing may be left."""


@dataclass(frozen=True)
class TelephonyResult:
    """A line of the table."""

    name: str
    seen: str
    good: bool


# --- With a real Asterisk ---


def root() -> Path | None:
    made = subprocess.run(
        [sys.executable, ROOT / "tools" / "pbx-root"], capture_output=True, text=True, check=False
    )
    if made.returncode:
        sys.stderr.write(f"NO CALL WITH A REAL ASTERISK: {made.stderr.strip()}\n")
        return None
    return Path(made.stdout.strip())


@contextlib.asynccontextmanager
async def pbx(media: str) -> AsyncIterator[tuple[Asterisk, Serve]]:
    """An Asterisk with 2,000 ports, and a server at it."""
    place = root()
    if place is None:
        raise LookupError("no Asterisk")
    fake = FakeProviders()
    fake.sound = spoken
    async with fake_providers(fake), Asterisk(place) as asterisk:
        extra = f'drain_timeout = 5.0\n[calls]\nmax_created = 100\n[ari]\nurl = "{asterisk.url}"\n'
        extra += f'media = "{media}"\n{LEGS}'
        with tempfile.TemporaryDirectory() as folder:
            async with serving(Path(folder), fake, [], extra=extra) as server:
                await wait(lambda: bool(server.lines("connected to Asterisk")), 20.0)
                yield asterisk, server


async def wait(condition: Callable[[], bool], patience: float) -> bool:
    end = time.monotonic() + patience
    while not condition():
        if time.monotonic() > end:
            return False
        await asyncio.sleep(0.05)
    return True


async def left_over(asterisk: Asterisk, server: Serve) -> str:
    """What is left after 10 s; empty: nothing."""
    end = time.monotonic() + GONE
    while True:
        left = [name for names in (await asterisk.left()).values() for name in names]
        calls = (await server.get("/api/calls"))["calls"]
        if not left and not calls:
            return ""
        if time.monotonic() > end:
            return f"; {len(left)} channels and bridges, {len(calls)} calls LEFT"
        await asyncio.sleep(0.2)


def numbers(place: int, count: int = WORDS) -> list[int]:
    return list(range(1_000 + WORDS * place, 1_000 + WORDS * place + count))


async def pairs_at_once(media: str, pairs: int = 20) -> TelephonyResult:
    async with pbx(media) as (asterisk, server):
        dialled = []
        for pair in range(pairs):
            for side, leg in enumerate(("3333", "4444")):
                said = numbers((2 * pair + side) % 300)
                telephone = await asterisk.dial(f"call-{leg}-{pair}", said, first=8.0, last=40)
                dialled.append((telephone, said))
        wrong = 0
        for (one, said), (two, answered) in zip(dialled[::2], dialled[1::2], strict=True):
            for hearer, words in ((one, answered), (two, said)):
                await wait(lambda h=hearer, w=words: len(h.heard()) >= len(w), 30.0)  # type: ignore[misc]
                heard = hearer.heard()
                missed = len(set(words) - set(heard)) + max(0, len(heard) - len(words))
                if missed or heard != words:
                    sys.stderr.write(f"{hearer.who}: wanted {words}, heard {heard}\n")
                wrong += missed or (len(words) if heard != words else 0)
        for telephone, _ in dialled:
            await telephone.hang_up()
        left = await left_over(asterisk, server)
        total = 2 * pairs * WORDS
        name = f"{pairs} pairs at once, {media}, each in a room of its own"
        return TelephonyResult(
            name, f"{wrong} of {total} words wrong{left}", not wrong and not left
        )


async def one_after_another(media: str, calls: int = 100) -> TelephonyResult:
    async with pbx(media) as (asterisk, server):
        before, wrong, left = None, 0, ""
        for call in range(calls):
            said = numbers(call % 100, 3)
            one = await asterisk.dial("3333", said, first=1.0, last=20)
            two = await asterisk.dial("4444", last=20)
            await wait(lambda t=two: len(t.heard()) >= 3, 20.0)  # type: ignore[misc]
            wrong += two.heard() != said
            await one.hang_up()
            left = await left_over(asterisk, server)
            if left:
                break
            before = before or resources_of(server.pid)
        after = resources_of(server.pid)
        assert before is not None
        grown = after.descriptors - before.descriptors
        seen = (
            f"{wrong} calls with a word wrong{left}; descriptors {before.descriptors} → {after.descriptors}, "
            f"threads {before.threads} → {after.threads}, memory {before.rss_now_bytes >> 20} → "
            f"{after.rss_now_bytes >> 20} MiB"
        )
        return TelephonyResult(
            f"{calls} calls one after another, {media}", seen, not (wrong or left) and grown <= 4
        )


# --- Through networks ---

NETWORKS = {
    "lossy relay: 40 ms jitter, 5 % reordered, 5 % twice": NetworkConditions(0.04, 0.05, 0.05),
    "lossy relay: another SSRC in mid-call": NetworkConditions(new_ssrc_at=10.01),
    "lossy relay: stall of 0.5 s": NetworkConditions(stall_at=9.0),
    "lossy relay: 1 % loss": NetworkConditions(lost=0.01),
    "lossy relay: 5 % loss": NetworkConditions(lost=0.05),
    "lossy relay: all of it, 1 % loss": NetworkConditions(
        0.04, 0.05, 0.05, 0.01, new_ssrc_at=10.01
    ),
}
SAID = 100


def plans(count: int) -> tuple[list[LegPlan], list[str]]:
    """Pairs of legs."""
    ports = [free_port(socket.SOCK_DGRAM) for _ in range(4 * count)]
    names = [f"{side}{pair}" for pair in range(count) for side in ("a", "b")]
    return [
        LegPlan(
            name,
            "en" if name[0] == "a" else "fr",
            ("127.0.0.1", ports.pop()),
            ("127.0.0.1", ports.pop()),
        )
        for name in names
    ], names


@contextlib.asynccontextmanager
async def serving_legs(legs: Sequence[LegPlan], formats: Sequence[str]) -> AsyncIterator[Programs]:
    """A server with legs of these formats. Its providers are a process of their own."""
    text = ""
    for leg, format in zip(legs, formats, strict=True):
        text += f'\n[[legs]]\nname = "{leg.name}"\nlanguage = "{leg.language}"\ncontinuous = true\n'
        text += 'listen = "{}:{}"\nplay_to = "{}:{}"\n'.format(*leg.listen, *leg.play_to)
        if format != "raw":
            text += f'transport = "rtp"\nformat = "{format}"\n'
    async with Programs([], seed=1, extra=text) as programs:
        yield programs


async def networks(wanted: Sequence[str]) -> list[TelephonyResult]:
    legs, _ = plans(len(wanted))
    async with serving_legs(legs, ["alaw", "raw"] * len(wanted)) as programs:
        runs = []
        for place, name in enumerate(wanted):
            one, two = legs[2 * place : 2 * place + 2]
            talk = PhoneTalk(range(100 + SAID * place, 100 + SAID * (place + 1)))
            conditions = NETWORKS[name]
            made = packets(talk, "alaw", conditions.new_ssrc_at)
            dues, missing = through(conditions, made, seed=place)
            mouth = BenchTelephone(one.listen, one.play_to, "alaw")
            ear = BenchTelephone(two.listen, two.play_to, "raw")
            runs.append((name, talk, dues, missing, mouth, ear))
        sent_late = await asyncio.gather(*(run[4].say(run[2], run[1]) for run in runs))
        counted = (await programs.stats())["legs"]
        results = []
        for place, (name, talk, _, missing, mouth, ear) in enumerate(runs):
            stalls = NETWORKS[name].stall_at >= 0
            must = whole(talk, missing if stalls else missing | sent_late[place])
            await wait(lambda e=ear, m=must: set(m) <= set(e.heard), 8.0)  # type: ignore[misc]
            await quiet(ear)
            lost = [number for number in must if number not in ear.heard]
            strange = [number for number in ear.heard if number not in talk.numbers]
            twice = len(ear.heard) - len(set(ear.heard))
            ordered = ear.heard == sorted(ear.heard)
            seen = (
                f"of {SAID} words {len(must)} had all their packets in time: {len(lost)} of these lost, "
                f"{twice} doubled, {len(strange)} invented; heard in all: {len(ear.heard)}"
            )
            if lost:
                sys.stderr.write(f"{name}: {counted[legs[2 * place].name]}\n")  # type: ignore[index]
            results.append(TelephonyResult(name, seen, not (lost or strange or twice) and ordered))
            mouth.close()
            ear.close()
        return results


async def quiet(ear: BenchTelephone, pause: float = 1.5) -> None:
    """Until nothing more is said to them. Words of which nobody could be sure are heard as well, mostly, so
    as many as must be there is not yet the end."""
    count = -1
    while count != len(ear.heard):
        count = len(ear.heard)
        await asyncio.sleep(pause)


# --- What RTP costs ---

CPU_PAIRS = 5
CPU_SECONDS = 16.0
CPU_ROUNDS = 3


async def cost() -> list[TelephonyResult]:
    """The same calls in raw PCM and in RTP, in turn: the server's time, and from the end of a word to the
    sound of its translation."""
    used: dict[str, list[float]] = {"raw": [], "slin16": [], "alaw": []}
    late: dict[str, list[float]] = {"raw": [], "slin16": [], "alaw": []}
    for _ in range(CPU_ROUNDS):
        for format in used:
            legs, _names = plans(CPU_PAIRS)
            reply = "alaw" if format != "raw" else "raw"
            async with serving_legs(
                legs, [format if format == "raw" else f'{format}"\nreply = "alaw'] * len(legs)
            ) as programs:
                ends = [BenchTelephone(leg.listen, leg.play_to, reply) for leg in legs]
                talks = [
                    PhoneTalk(
                        range(100 + 20 * place, 100 + 20 * place + int(CPU_SECONDS / 2)),
                        turn=1,
                        pause=1.78,
                    )
                    for place in range(len(legs))
                ]
                flows = [
                    through(NetworkConditions(), packets(talk, format, -1.0), 0)[0]
                    for talk in talks
                ]
                before = resources_of(programs.server.pid).cpu_seconds
                await asyncio.gather(
                    *(e.say(f, t) for e, f, t in zip(ends, flows, talks, strict=True))
                )
                used[format].append(resources_of(programs.server.pid).cpu_seconds - before)
                await asyncio.sleep(1.0)
                for one, two in zip(ends[::2], ends[1::2], strict=True):
                    late[format] += delays(one.sent, two.sounds) + delays(two.sent, one.sounds)
                for end in ends:
                    end.close()
    results = []
    raw, base = statistics.median(used["raw"]), statistics.median(late["raw"])
    for format in ("slin16", "alaw"):
        share = statistics.median(used[format]) / raw
        seen = (
            f"{share:.2f} × ({statistics.median(used[format]):.2f} s beside {raw:.2f} s for {CPU_PAIRS} calls of "
            f"{CPU_SECONDS:.0f} s; {CPU_ROUNDS} rounds in turn)"
        )
        results.append(
            TelephonyResult(
                f"CPU per call, {format} → A-law over RTP beside raw PCM", seen, share <= 1.15
            )
        )
        added = 1_000 * (statistics.median(late[format]) - base)
        seen = f"{added:.0f} ms (word's end to translation: {1_000 * base:.0f} ms raw)"
        results.append(
            TelephonyResult(f"added delay at zero jitter, {format} → A-law", seen, added <= 60)
        )
    return results


# --- The command ---


async def run(wanted: str) -> list[TelephonyResult]:
    me = asyncio.current_task()
    assert me is not None
    # So that no Asterisk and no server is left.
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, me.cancel)
    results: list[TelephonyResult] = []
    single: dict[str, Callable[[], Awaitable[TelephonyResult]]] = {
        "20 pairs at once, audiosocket": lambda: pairs_at_once("audiosocket"),
        "20 pairs at once, rtp": lambda: pairs_at_once("rtp"),
        "100 calls one after another, rtp": lambda: one_after_another("rtp"),
    }
    for name, act in single.items():
        if wanted in name:
            with contextlib.suppress(LookupError):
                results.append(await printed(act()))
    if chosen := [name for name in NETWORKS if wanted in name]:
        results += [await printed(each) for each in await networks(chosen)]
    if wanted in "cost: CPU per call, added delay":
        results += [await printed(each) for each in await cost()]
    return results


async def printed(result: Awaitable[TelephonyResult] | TelephonyResult) -> TelephonyResult:
    result = result if isinstance(result, TelephonyResult) else await result
    sys.stdout.write(f"{'ok  ' if result.good else 'FAIL'} {result.name}: {result.seen}\n")
    sys.stdout.flush()
    return result


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--only", default="", help="rows whose name holds this")
    parser.add_argument("--write", type=Path, help="a page with the marks telephony:begin and :end")
    asked = parser.parse_args()
    results = asyncio.run(run(asked.only))
    if asked.write:
        lines = ["| scenario | seen |", "|---|---|", *(f"| {r.name} | {r.seen} |" for r in results)]
        write_between(asked.write, "telephony", "\n".join(lines))
    return 0 if results and all(result.good for result in results) else 1


if __name__ == "__main__":
    sys.exit(main())
