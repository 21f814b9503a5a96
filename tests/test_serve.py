"""Running the server: modes that change while people talk, calls that end, signals, wrong starts.

Real processes and sockets, fake providers.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.providers import FakeProviders
from tests.support.serve import Phone, Serve, ServerPlan, call, pairs, serving, until

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.usefixtures("forgetful"),
]
SERVER = ServerPlan(legs=pairs(("3333", "4444"), ("5001", "5002"), ("5003", "5004")), flag="false")
"""Started with the flag at false; a test that changes the mode changes it back."""
PATIENT = "idle_timeout = 0.6\ndrain_timeout = 30.0"
"""Of a server that is to end before its time is over, on a slow machine, too."""


# --- Modes ---


async def test_without_the_flag_pieces_are_cut_at_pauses_and_no_stream_is_opened(
    server: Serve, fake: FakeProviders
) -> None:
    """The predecessor cut every second, uploaded silence for ever, and spoke what came first."""
    await server.says("Deepgram API Mode: Prerecorded (buffered)")
    fake.transcribe_delay = lambda words: 1.5 if 11 in words else 0.1
    async with call(server, "3333", "4444") as (one, two):
        for words in ((11, 12, 13, 14, 15, 16, 17), (21,), (31, 32)):
            await one.say(*words)
            await asyncio.sleep(0.7)
        await two.hears(11, 12, 13, 14, 15, 16, 17, 21, 31, 32)
        leg = await server.leg("3333")
        assert leg["stt"]["mode"] == "prerecorded"
        assert leg["setting"] == "prerecorded"
    await server.idle()
    fake.transcribe_delay = lambda _: 0.1
    assert fake.handshakes == 0
    assert [upload.words for upload in fake.uploads] == [[*range(11, 18)], [21], [31, 32]]
    assert {upload.language for upload in fake.uploads} == {"en"}, "they were silent"
    # 220 ms a word, and some air around.
    assert sum(upload.seconds for upload in fake.uploads) < 10 * 0.22 + 3 * 0.8
    await server.says('[PRERECORDED] FINAL transcript (3333): "b11')


async def test_the_mode_is_changed_under_a_running_call_and_no_word_is_lost(
    server: Serve, fake: FakeProviders
) -> None:
    async with call(server, "3333", "4444") as (one, two):
        changed = asyncio.Event()
        talk = asyncio.create_task(_talk(one, 24, changed))
        await asyncio.sleep(0.9)
        server.write_flag("true")
        server.signal(signal.SIGHUP)
        await until(lambda: len(fake.streams) == 2)
        await asyncio.sleep(0.6)
        # What is wrong in the file changes nothing.
        server.write_flag("perhaps")
        server.signal(signal.SIGHUP)
        await until(lambda: server.lines("settings not reloaded"))
        assert await server.post("/api/mode", {"mode": "prerecorded"}) == 200
        await until(lambda: all(stream.closed_in_order for stream in fake.streams))
        await asyncio.sleep(0.6)
        assert await server.post("/api/mode", {"mode": "auto", "leg": "3333"}) == 200
        await until(lambda: len(fake.streams) == 3)
        assert (await server.leg("3333"))["stt"]["mode"] == "streaming"
        assert (await server.leg("4444"))["stt"]["mode"] == "prerecorded"
        changed.set()
        words = await talk
        await two.hears(*range(1, words + 1))
    await server.idle()
    stats = await server.get("/api/stats")
    assert stats["legs"]["3333"]["stt"]["connections_total"] == 2
    assert stats["legs"]["4444"]["stt"]["connections_total"] == 1
    assert stats["legs"]["3333"]["stt"]["errors"] == 0
    assert [stream.language for stream in fake.streams].count("en") == 2
    lines = server.lines("Deepgram API Mode")
    kinds = ["Streaming" if "Streaming (WebSocket)" in line else "Prerecorded" for line in lines]
    assert kinds[-4:] == ["Prerecorded", "Streaming", "Prerecorded", "Streaming"]
    server.write_flag("false")
    server.signal(signal.SIGHUP)
    await until(lambda: len(server.lines("Deepgram API Mode")) > len(lines))


async def test_auto_streams_the_share_of_calls_that_it_is_given(
    server: Serve, fake: FakeProviders
) -> None:
    try:
        assert await server.post("/api/mode", {"mode": "auto", "share": 0}) == 200
        shown = json.loads((await server.ask("/api/settings"))[1])
        assert (shown["mode"], shown["streaming_share"]) == ("auto", 0)
        async with call(server, "5001", "5002") as (one, two):
            await one.say(41)
            await two.hears(41)
            assert fake.handshakes == 0
            assert await server.post("/api/mode", {"mode": "streaming"}) == 200
            await until(lambda: len(fake.streams) == 2)
            assert await server.post("/api/mode", {"mode": "auto"}) == 200
            await until(lambda: not any(stream.open for stream in fake.streams))
            assert await server.post("/api/mode", {"share": 1}) == 200
            await until(lambda: len(fake.streams) == 4)
    finally:
        await server.post("/api/mode", {"mode": "prerecorded", "share": 1})
        await server.idle()


# --- Calls ---


def followed_by_another(server: Serve, row: dict[str, Any]) -> bool:
    """It may begin before the one that was ended is over: that one still says what it owes."""
    return any(
        begun["call"] != row["call"] and set(begun["legs"]) == set(row["legs"])
        for begun in server.happened("call", state="begun")
    )


async def test_a_call_is_ended_on_order_and_what_was_said_is_still_spoken(
    server: Serve, fake: FakeProviders
) -> None:
    async with call(server, "5003", "5004") as (one, two):
        await one.say(51, 52)
        (row,) = (await server.get("/api/calls"))["calls"]
        name = row["call"]
        assert await server.post("/api/calls/nobody/end", {}) == 404
        assert await server.post(f"/api/calls/{name}/end", {}) == 200
        await two.hears(51, 52)
        # They go on talking: that is the next call.
        await until(lambda: server.happened("call", state="ended", call=name))
        await until(lambda: followed_by_another(server, row))
        await one.say(53)
        await two.hears(51, 52, 53)
    (ended,) = server.happened("call", state="ended", call=name)
    assert ended["reason"] == "asked to end"
    assert ended["5003.spoken"] == 1
    await server.idle()
    totals = (await server.get("/api/stats"))["totals"]
    legs = (await server.get("/api/stats"))["legs"]
    begun = len(server.happened("call", state="begun"))
    assert (totals["calls_total"], totals["calls_active"]) == (begun, 0)
    assert totals["datagrams_in"] >= sum(leg["datagrams_in"] for leg in legs.values())
    assert totals["stt"]["connections_active"] == 0


async def test_nothing_is_unheard_that_is_said_on_while_a_call_is_ended_on_order(
    server: Serve, fake: FakeProviders
) -> None:
    async with call(server, "5001", "5002") as (one, two):
        await one.say(61, 62, 63)
        (row,) = (await server.get("/api/calls"))["calls"]
        assert await server.post(f"/api/calls/{row['call']}/end", {}) == 200
        for number in range(64, 76):
            await one.say(number)
            await asyncio.sleep(0.1)
        await two.hears(*range(61, 76))
    await server.idle()
    begun = [each for each in server.happened("call", state="begun") if "5001" in each["legs"]]
    # The events of their ends may still be on their way.
    await until(lambda: len(_lost(server, "5001")) >= len(begun))
    assert set(_lost(server, "5001")) == {0}


def _lost(server: Serve, leg: str) -> list[float]:
    """Milliseconds, of each call of the leg that has ended."""
    key = f"{leg}.lost_ms"
    return [each[key] for each in server.happened("call", state="ended") if key in each]


async def test_nobody_outside_this_machine_reaches_anything(server: Serve) -> None:
    ports = {leg.listen[1] for leg in server.legs.values()} | {server.admin}
    bound = {}
    for table in ("tcp", "udp"):
        sockets = Path("/proc", str(server.pid), "net", table)
        for line in sockets.read_text().splitlines()[1:]:  # noqa: ASYNC240 - no disk behind it
            host, port = line.split()[1].split(":")
            bound[int(port, 16)] = host
    assert {bound[port] for port in ports} == {"0100007F"}


# --- Signals ---


async def test_a_signal_lets_them_finish_and_then_ends_in_good_order(
    fake: FakeProviders, tmp_path: Path
) -> None:
    fake.final_delay = 0.8
    legs = pairs(("3333", "4444"), ("5001", "5002"))
    try:
        async with serving(tmp_path, fake, legs, extra=PATIENT) as server:
            async with call(server, "3333", "4444") as (one, two):
                await one.say(61, 62, 63)
                assert not server.happened("final")
                server.signal(signal.SIGTERM)
                await until(lambda: server.lines("stopping"))
                assert (await server.ask("/ready"))[0] == 503
                async with Phone(server.legs["5001"]) as late:
                    await late.say(99)
                await two.hears(61, 62, 63)
                # It takes 1.9 s on a machine with other work.
                assert await server.exit_code(25.0) == 0
            assert not server.lines("before everything was said"), server.tail(60)
            assert len(fake.streams) == 2
            assert all(stream.closed_in_order for stream in fake.streams)
            (summary,) = server.lines("call ended [")
            assert "3333.spoken=1" in summary
            assert "reason=shutdown" in summary
            assert "stopped" in server.log()[-1]
    finally:
        fake.final_delay = 0.1


async def test_a_second_signal_ends_at_once(fake: FakeProviders, tmp_path: Path) -> None:
    fake.translate_delay = lambda _: 60.0  # nothing but the second signal ends it
    env = ("TRANSLINK_DEEPL__TIMEOUT=60",)
    try:
        async with serving(
            tmp_path, fake, pairs(("3333", "4444")), extra=PATIENT, env=env
        ) as server:
            async with call(server, "3333", "4444") as (one, _):
                await one.say(71)
                await until(lambda: fake.asked)
                server.signal(signal.SIGINT)
                await until(lambda: server.lines("stopping"))
                server.signal(signal.SIGINT)
                assert await server.exit_code(20.0) == 1
            assert server.lines("second signal")
            assert len(server.lines("stopping: what was said")) == 1
            assert len(server.lines("call ended [")) == 1
            # What is cut off is said, and is no bug.
            assert server.lines("not translated, and so not spoken")
            assert not server.lines("Traceback")
            assert not server.lines("a bug")
    finally:
        fake.translate_delay = lambda _: 0.05


# --- Starts that come to nothing ---


async def test_a_signal_during_the_start_is_not_kept_waiting(tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()  # connections are taken and never answered: warming up waits
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        process = await _start(
            tmp_path, f"deepgram.base_url={url}", f"deepl.server_url={url}", "legs.4444.listen=0"
        )
        assert process.stderr
        async with asyncio.timeout(60):
            said = b""
            while b"API Mode" not in said:
                line = await process.stderr.readline()
                assert line, said
                said += line
        asked = time.monotonic()
        process.send_signal(signal.SIGTERM)
        _, output = await asyncio.wait_for(process.communicate(), 10.0)
    assert process.returncode == 0
    assert time.monotonic() - asked < 5.0
    assert b"not started yet" in output
    assert b"Traceback" not in output


async def test_a_server_that_cannot_start_says_why_and_what_to_do(
    fake: FakeProviders, tmp_path: Path
) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        process = await _start(
            tmp_path,
            f"deepgram.base_url={fake.url}",
            f"deepl.server_url={fake.url}",
            f"legs.4444.listen=127.0.0.1:{port}",
        )
        try:
            _, output = await asyncio.wait_for(process.communicate(), 60.0)
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
    assert process.returncode == 2
    (last,) = (line for line in output.decode().splitlines() if line.startswith("translink: "))
    assert last.startswith(f"translink: legs.4444.listen = 127.0.0.1:{port}: is in use")
    assert "Choose a free address or stop it" in last
    assert b"Traceback" not in output


async def _start(folder: Path, *settings: str) -> asyncio.subprocess.Process:
    """A server on ports of its own; `settings` are laid over."""
    chosen = ["legs.3333.listen=0", *settings]
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "translink", "serve", "--admin-port", "0"),
        *(part for each in chosen for part in ("--set", each)),
        cwd=folder,
        env={**os.environ, "DEEPGRAM_API_KEY": "x", "DEEPL_API_KEY": "x"},
        stderr=asyncio.subprocess.PIPE,
    )


async def _talk(phone: Phone, least: int, enough: asyncio.Event) -> int:
    """Bursts of four with pauses between, so many words and then until it is enough: on a busy machine what is
    done meanwhile takes its time. Returns the number of words."""
    words = 0
    while words < least or not enough.is_set():
        await phone.say(*range(words + 1, words + 5))
        words += 4
        await asyncio.sleep(0.35)
    return words
