"""Real peers talk to a real server and hear the other language: GStreamer, ffmpeg, any datagram
size."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from translink.sim.caller import Caller, fixed_size, random_sizes
from translink.sim.ear import Ear
from translink.sim.wav import write_wav

if TYPE_CHECKING:
    from tests.interop.conftest import World

pytestmark = pytest.mark.asyncio(loop_scope="module")

ENGLISH, FRENCH = "3333", "4444"
SIZES = {
    "160": fixed_size(160),
    "320": fixed_size(320),
    "510": fixed_size(510),
    "640": fixed_size(640),
    "7680": fixed_size(7_680),
    "15870": fixed_size(15_870),
    "random": random_sizes(seed=11),
}
SPEECH = 300.0
"""RMS of speech on a telephone; silence has 0."""


def need(program: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(shutil.which(program) is None, reason=f"{program} is not installed")


@pytest.mark.parametrize("sizes", SIZES.values(), ids=SIZES)
async def test_datagrams_of_any_size_are_understood(world: World, sizes: Iterator[int]) -> None:
    before = await world.counters(ENGLISH)
    async with (
        world.listener(FRENCH) as ear,
        Caller(world.microphone(ENGLISH), ear=world.ear(ENGLISH), sizes=sizes) as caller,
    ):
        since = len(world.events)
        await caller.say(world.lines[ENGLISH].pcm)
        assert "entendez" in await world.translation(ENGLISH, since)
        assert await ear.quiet(0.6, patience=5.0)
        assert ear.heard.sound_seconds > 0.5
        assert max(burst.rms for burst in ear.heard.bursts) > SPEECH
    after = await world.counters(ENGLISH)
    assert after["bytes_in"] - before["bytes_in"] == caller.sent.bytes
    assert after["datagrams_in"] - before["datagrams_in"] == caller.sent.datagrams
    assert after["drops_kernel"] == after["drops_ring"] == 0


async def test_both_speak_at_once_and_each_hears_the_other(world: World) -> None:
    async with (
        Caller(world.microphone(ENGLISH), ear=world.ear(ENGLISH)) as english,
        Caller(world.microphone(FRENCH), ear=world.ear(FRENCH)) as french,
    ):
        since = len(world.events)
        await asyncio.gather(
            english.say(world.lines[ENGLISH].pcm), french.say(world.lines[FRENCH].pcm)
        )
        assert "entendez" in await world.translation(ENGLISH, since)
        assert "oodbye" in await world.translation(FRENCH, since)
        for caller in (english, french):
            assert await caller.quiet(0.6, patience=5.0)
            assert max(burst.rms for burst in caller.heard.bursts) > SPEECH


@need("gst-launch-1.0")
async def test_a_gstreamer_gateway_talks_and_hears(world: World, tmp_path: Path) -> None:
    heard = tmp_path / "heard.raw"
    host, port = world.ear(FRENCH)
    ear = ["udpsrc", f"address={host}", f"port={port}", "!", "filesink", f"location={heard}"]
    async with _running("gst-launch-1.0", "-q", "-e", *ear):
        since = len(world.events)
        await _run("gst-launch-1.0", "-q", *_gst_microphone(world, tmp_path))
        assert "entendez" in await world.translation(ENGLISH, since)
        await _until_still(heard)
    listened = Ear(0.0)
    for number, at in enumerate(range(0, heard.stat().st_size, 640)):
        listened.hear(heard.read_bytes()[at : at + 640], number * 0.02)
    assert listened.sound_seconds > 0.5
    assert max(burst.rms for burst in listened.bursts) > SPEECH


@need("ffmpeg")
async def test_ffmpeg_talks_and_a_caller_hears(world: World, tmp_path: Path) -> None:
    host, port = world.microphone(ENGLISH)
    async with world.listener(FRENCH) as ear:
        since = len(world.events)
        said = ["-re", "-i", str(_file(world, tmp_path)), "-ac", "1", "-ar", "16000", "-f", "s16le"]
        await _run("ffmpeg", "-v", "error", *said, f"udp://{host}:{port}")
        assert "entendez" in await world.translation(ENGLISH, since)
        assert await ear.quiet(0.6, patience=5.0)
        assert max(burst.rms for burst in ear.heard.bursts) > SPEECH


async def test_the_server_lost_nothing(world: World) -> None:
    await asyncio.sleep(0)
    stats = await world.server.get("/api/stats")
    for counters in stats["legs"].values():
        assert counters["drops_kernel"] == counters["drops_ring"] == 0
    assert not [event for event in world.events if event["type"] == "loss"]


def _file(world: World, folder: Path) -> Path:
    """The English sentence as people have it on disk: stereo, 44.1 kHz."""
    plain, rich = folder / "plain.wav", folder / "hello.wav"
    write_wav(plain, world.lines[ENGLISH].pcm)
    if shutil.which("ffmpeg") is None:
        return plain
    convert = ["ffmpeg", "-v", "error", "-i", str(plain), "-ac", "2", "-ar", "44100", str(rich)]
    subprocess.run(convert, check=True, timeout=10)
    return rich


def _gst_microphone(world: World, folder: Path) -> list[str]:
    """A gateway's pipeline; `udpsink` paces by the buffers' timestamps."""
    host, port = world.microphone(ENGLISH)
    caps = "audio/x-raw,format=S16LE,rate=16000,channels=1"
    pipeline = f"wavparse ! audioconvert ! audioresample ! {caps} ! udpsink host={host} port={port}"
    return ["filesrc", f"location={_file(world, folder)}", "!", *pipeline.split()]


async def _run(*command: str) -> None:
    async with _running(*command) as process:
        async with asyncio.timeout(15):
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


async def _until_still(path: Path) -> None:
    """Wait until a file that has begun to grow grows no more."""
    size, since, until = -1, time.monotonic(), time.monotonic() + 8
    while time.monotonic() < until:
        now = _size(path)
        if now != size or not now:
            size, since = now, time.monotonic()
        elif time.monotonic() - since > 0.8:
            return
        await asyncio.sleep(0.1)


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
