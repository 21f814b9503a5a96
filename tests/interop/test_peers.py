"""Real peers talk through a real server: each word arrives once and in order, whatever sends it and
in whatever pieces."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.interop.conftest import Pair, PeerWitness, PeerWorld, need, words_in
from translink.callers.caller import Caller, fixed_size, random_sizes
from translink.callers.wav import write_wav

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(180)]

SOCKETS = Path("/proc/net/udp")
SIZES: dict[str, Iterator[int]] = {
    **{str(size): fixed_size(size) for size in (160, 161, 320, 510, 640, 7_680, 15_870)},
    "random": random_sizes(seed=11),
}


async def test_datagrams_of_any_size_arrive_word_for_word(world: PeerWorld) -> None:
    pairs = {name: world.take() for name in SIZES}

    async def call(name: str, pair: Pair) -> tuple[list[int], int]:
        async with (
            PeerWitness(pair) as witness,
            Caller(pair.microphone, ear=pair.own_ear, sizes=SIZES[name]) as caller,
        ):
            await caller.say(pair.pcm)
            heard = await witness.hears(pair.numbers)
        return heard, caller.sent.bytes

    outcomes = dict(
        zip(pairs, await asyncio.gather(*(call(*each) for each in pairs.items())), strict=True)
    )
    heard = {name: numbers for name, (numbers, _) in outcomes.items()}
    assert heard == {name: pair.numbers for name, pair in pairs.items()}
    for name, pair in pairs.items():
        counters = await world.counters(pair.leg)
        assert counters["bytes_in"] == outcomes[name][1], name
        assert counters["drops_kernel"] == counters["drops_ring"] == 0, name


async def test_a_talker_who_sends_nothing_in_pauses_is_heard_to_the_last_word(
    world: PeerWorld,
) -> None:
    pair = world.take()
    async with (
        PeerWitness(pair) as witness,
        Caller(pair.microphone, ear=pair.own_ear, open_mic=False) as caller,
    ):
        await caller.say(pair.pcm[:-3_200])  # stops with the last word
        assert await witness.hears(pair.numbers) == pair.numbers


@need("gst-launch-1.0")
async def test_a_gstreamer_gateway_talks_and_another_one_hears(
    world: PeerWorld, tmp_path: Path
) -> None:
    pair = world.take()
    heard = tmp_path / "heard.raw"
    host, port = pair.ear
    ear = ["udpsrc", f"address={host}", f"port={port}", "!", "filesink", "buffer-mode=unbuffered"]
    async with _running("gst-launch-1.0", "-q", *ear, f"location={heard}"):
        await _bound(port)
        await _run("gst-launch-1.0", "-q", *_gst_microphone(pair, tmp_path))
        for _ in range(400):
            await asyncio.sleep(0.1)
            if len(words_in(heard)) >= len(pair.numbers):
                break
    assert words_in(heard) == pair.numbers


@need("ffmpeg")
async def test_ffmpeg_talks_and_is_understood(world: PeerWorld, tmp_path: Path) -> None:
    pair = world.take()
    host, port = pair.microphone
    said = ["-re", "-i", str(_file(pair, tmp_path)), "-ac", "1", "-ar", "16000", "-f", "s16le"]
    async with PeerWitness(pair) as witness:
        await _run("ffmpeg", "-v", "error", *said, f"udp://{host}:{port}")
        assert await witness.hears(pair.numbers) == pair.numbers


async def test_both_speak_at_once_and_each_hears_the_other(world: PeerWorld) -> None:
    pair, other = world.take(), world.take()
    one, two = (
        PeerWitness(pair),
        PeerWitness(Pair(0, "", ("", 0), ("", 0), "", pair.microphone, pair.own_ear)),
    )
    # Both witnesses are also the callers: a telephone has one socket for its mouth and its ear.
    async with one, two:
        await asyncio.gather(two.caller.say(pair.pcm), one.caller.say(other.pcm))
        assert await one.hears(pair.numbers) == pair.numbers
        assert await two.hears(other.numbers) == other.numbers


async def test_each_leg_had_one_connection_and_nothing_was_dropped(world: PeerWorld) -> None:
    await asyncio.sleep(0)
    stats = await world.programs.stats()
    legs = stats["legs"]
    assert isinstance(legs, dict)
    for name, counters in legs.items():
        connections = counters["stt"]["connections_total"]
        assert connections == 1 if counters["datagrams_in"] else connections <= 1, name
        assert counters["drops_kernel"] == counters["drops_ring"] == 0, name


def _file(pair: Pair, folder: Path) -> Path:
    """The words as people have recordings on disk: stereo, 44.1 kHz."""
    plain, rich = folder / "plain.wav", folder / "hello.wav"
    write_wav(plain, pair.pcm)
    if shutil.which("ffmpeg") is None:
        return plain
    convert = ["ffmpeg", "-v", "error", "-i", str(plain), "-ac", "2", "-ar", "44100", str(rich)]
    subprocess.run(convert, check=True, timeout=60)
    return rich


def _gst_microphone(pair: Pair, folder: Path) -> list[str]:
    """A gateway's pipeline; `udpsink` paces by the buffers' timestamps."""
    host, port = pair.microphone
    caps = "audio/x-raw,format=S16LE,rate=16000,channels=1"
    pipeline = f"wavparse ! audioconvert ! audioresample ! {caps} ! udpsink host={host} port={port}"
    return ["filesrc", f"location={_file(pair, folder)}", "!", *pipeline.split()]


async def _bound(port: int) -> None:
    """Until a program listens there: udpsrc binds its port when its pipeline is playing."""
    wanted = f":{port:04X} "
    async with asyncio.timeout(40):
        while wanted not in SOCKETS.read_text():  # noqa: ASYNC110, ASYNC240 - another process
            await asyncio.sleep(0.02)


async def _run(*command: str) -> None:
    async with _running(*command) as process:
        async with asyncio.timeout(60):
            await process.wait()
        assert process.returncode == 0


@contextlib.asynccontextmanager
async def _running(*command: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """A program that is asked to end, and made to, at the end of the block."""
    process = await asyncio.create_subprocess_exec(*command, stdin=asyncio.subprocess.DEVNULL)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
            try:
                await asyncio.wait_for(process.wait(), 5)
            except TimeoutError:
                process.kill()
        await process.wait()
