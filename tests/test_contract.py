"""What the replaced system promised its operators, and what was broken there: one scenario each.

A real server process, real sockets, fake providers with fixed delays. See `predecessor.md` for the
contract. All but the two scenarios about settings files look from outside.
"""

from __future__ import annotations

import asyncio
import re
import subprocess
from pathlib import Path

import pytest

from tests.fakes.providers import FakeProviders, fake_providers
from tests.support.serve import (
    DEEPGRAM_KEY,
    DEEPL_KEY,
    PATIENCE,
    Phone,
    Serve,
    ServerPlan,
    call,
    pairs,
    serving,
    until,
)
from translink.callers.server_process import LegPlan
from translink.calls.switchboard import mode_line
from translink.settings.model import Settings

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.usefixtures("forgetful"),
]


def _behind_nat(*names: str) -> str:
    """Settings of legs whose ears are not named."""
    return "\n".join(
        f'[[legs]]\nname = "{name}"\nlanguage = "{language}"\nlisten = "127.0.0.1:0"\n'
        "send_from_listen = true"
        for name, language in zip(names, ("en", "fr"), strict=True)
    )


SERVER = ServerPlan(
    legs=(
        *pairs(("3333", "4444"), ("5001", "5002"), ("5003", "5004"), ("5005", "5006")),
        *pairs(("6001", "6002"), ("6003", "6004"), languages=("en", "en-GB")),
    ),
    extra="idle_timeout = 0.6\ndrain_timeout = 5.0\n" + _behind_nat("7001", "7002"),
)
"""One server for all scenarios that leave its providers well; each has legs of its own."""


# --- Where things are ---


async def test_ports_and_languages_are_where_the_gateways_expect_them(tmp_path: Path) -> None:
    settings = Settings.load(environ={}, directory=tmp_path)
    ways = {
        leg.name: (leg.language, str(leg.listen), str(leg.play_to), settings.other(leg.name).name)
        for leg in settings.legs
    }
    assert ways == {
        "3333": ("en", "127.0.0.1:6120", "127.0.0.1:6121", "4444"),
        "4444": ("fr", "127.0.0.1:6122", "127.0.0.1:6123", "3333"),
    }
    assert (settings.admin.host, settings.admin.port) == ("127.0.0.1", 3020)


@pytest.mark.parametrize(
    ("flag", "line"),
    [
        ("USE_DEEPGRAM_STREAMING=true", "Deepgram API Mode: Streaming (WebSocket)"),
        ("USE_DEEPGRAM_STREAMING=false", "Deepgram API Mode: Prerecorded (buffered)"),
        ("# nothing", "Deepgram API Mode: Streaming (WebSocket)"),
        ("USE_DEEPGRAM_STREAMING=", "Deepgram API Mode: Streaming (WebSocket)"),
    ],
)
async def test_the_flag_beside_the_server_sets_the_mode(
    tmp_path: Path, flag: str, line: str
) -> None:
    (tmp_path / ".env.externalmedia").write_text(f"{flag}\nDEEPL_API_KEY=x:fx\nOTHER=1\n")
    assert mode_line(Settings.load(environ={}, directory=tmp_path).mode) == line


# --- A call ---


async def test_a_call_is_translated_both_ways_over_one_stream_for_each_leg(
    server: Serve, fake: FakeProviders
) -> None:
    """The predecessor: 20 sockets for these two callers, final results thrown away, 160-byte
    datagrams."""
    assert fake.handshake == 0.15
    async with call(server, "3333", "4444") as (one, two):
        await asyncio.gather(one.say(*range(101, 107)), two.say(*range(201, 205)))
        await asyncio.gather(one.hears(*range(201, 205)), two.hears(*range(101, 107)))
        await until(lambda: server.lines("[STREAMING-3333] Sent 100 frames (64000 bytes)"))
        await until(lambda: len(server.happened("speech", state="finished")) == 2)
        during = await server.leg("3333")
    await server.idle()

    assert fake.handshakes == len(fake.streams) == 2
    assert during["stt"]["mode"] == "streaming"
    assert during["stt"]["connections_active"] == during["stt"]["connections_total"] == 1
    english, french = sorted(fake.streams, key=lambda stream: stream.language)
    assert (english.language, french.language) == ("en", "fr")
    wanted = {
        "model": "nova-3",
        "encoding": "linear16",
        "sample_rate": "16000",
        "channels": "1",
        "interim_results": "true",
        "endpointing": "300",
        "smart_format": "true",
    }
    assert english.query.items() >= wanted.items()
    assert english.closed_in_order
    assert french.closed_in_order
    assert {(asked.source, asked.target) for asked in fake.asked} == {
        ("EN", "FR"),
        ("FR", "EN-US"),
    }
    assert {voice[-2:] for voice, _ in fake.spoken} == {"en", "fr"}

    for name, phone, stream in (("3333", one, english), ("4444", two, french)):
        leg = await server.leg(name)
        heard, sent = phone.caller.heard, phone.caller.sent
        assert leg["datagrams_in"] == sent.datagrams
        assert leg["bytes_in"] == sent.bytes
        assert leg["datagrams_out"] == heard.datagrams
        assert leg["stt"]["bytes_sent"] == stream.bytes
        assert leg["stt"]["frames_sent"] == stream.bytes // 640
        assert leg["stt"]["connections_active"] == 0
        assert leg["stt"]["connections_total"] == 1
        assert leg["stt"]["errors"] == leg["drops_kernel"] == leg["drops_ring"] == 0
        assert heard.bytes == 640 * heard.datagrams
        # 20 ms between any two of them; a busy machine may be late with some.
        assert heard.deviation_ms(0.5) < 10
        assert heard.sound_seconds == pytest.approx(0.22 * len(phone.words), abs=0.2)

    _their_greps_find_what_they_look_for(server)


def _their_greps_find_what_they_look_for(server: Serve) -> None:
    log = server.log()
    for words in (
        "Deepgram API Mode: Streaming (WebSocket)",
        "[STREAMING-STATE] Deepgram Streaming State Manager initialized",
        "[WEBSOCKET] Creating Deepgram streaming connection for extension 3333",
        "[WEBSOCKET] ✓ Connection opened for extension 3333",
        '[WEBSOCKET] INTERIM transcript (3333): "b101"',
        '[WEBSOCKET] FINAL transcript (3333): "b101 b102 b103 b104 b105 b106"',
        "[STREAMING-3333] Sent 100 frames (64000 bytes)",
    ):
        assert [line for line in log if words in line], words

    def grep(*arguments: str) -> list[str]:
        done = subprocess.run(
            ["grep", *arguments, str(server.folder / "log")],
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.splitlines()

    assert len(grep("Deepgram API Mode")) == 1
    assert len(grep("-E", r"\[WEBSOCKET\]|\[STREAMING-")) > 10
    assert grep("STREAMING.*Sent.*frames")


async def test_the_next_call_on_the_same_legs_begins_clean(
    server: Serve, fake: FakeProviders
) -> None:
    async with call(server, "5001", "5002") as (one, two):
        await one.say(301, 302, 303)
        await until(lambda: server.happened("final", leg="5001"))
        # They hang up before their words were spoken: those are said, and then it is over.
        await one.caller.close()
        await two.hears(301, 302, 303)
    await server.idle()
    ended = server.happened("final", leg="5001")[-1]["end"]
    (gone,) = {event["call"] for event in server.happened(leg="5001")}

    async with call(server, "5001", "5002") as (one, two):
        await one.say(311)
        await two.hears(311)
        second = await server.leg("5001")
        assert second["call"] != gone
        # Counted from nothing: the first call's are not among them.
        assert second["datagrams_in"] <= one.caller.sent.datagrams
        assert second["stt"]["bytes_sent"] <= 640 * (one.caller.sent.datagrams + 50)
        assert second["stt"]["connections_total"] == 1
    await server.idle()
    assert server.happened("final", leg="5001")[-1]["start"] >= ended
    assert len(server.happened("call", state="ended", call=gone)) == 1
    (summary,) = [line for line in server.lines("call ended [") if f"call={gone} " in line]
    for figure in ("5001.words=3", "5001.translated=1", "5001.spoken=1", "5002.words=0"):
        assert figure in summary
    assert "reason=idle" in summary


async def test_what_cannot_be_translated_is_shown_and_not_spoken(
    server: Serve, fake: FakeProviders
) -> None:
    """The predecessor spoke it in the other voice."""
    fake.refuse_text = lambda text: 400 if "b402" in text else None
    async with call(server, "5003", "5004") as (one, two):
        for number in (401, 402, 403):
            await one.say(number)
            await asyncio.sleep(0.5)
        await two.hears(401, 403)
    (shown,) = server.happened("untranslated", leg="5003")
    assert shown["text"] == "b402"
    assert "402" not in " ".join(text for _, text in fake.spoken)
    await server.says("not translated, and so not spoken")


async def test_speech_keeps_its_order_when_translations_do_not(
    server: Serve, fake: FakeProviders
) -> None:
    fake.translate_delay = lambda text: 1.5 if "b501" in text else 0.05
    async with call(server, "5005", "5006") as (one, two):
        for number in (501, 502, 503):
            await one.say(number)
            await asyncio.sleep(0.4)
        await two.hears(501, 502, 503)
    assert [asked.text for asked in fake.asked] == ["b501", "b502", "b503"]
    assert "b501 b502" in fake.asked[-1].context


async def test_those_who_speak_the_same_language_are_passed_on_as_they_are(
    server: Serve, fake: FakeProviders
) -> None:
    await _one_way(server, "6001", "6002", 601, 602)
    assert fake.asked == []
    assert [text for _, text in fake.spoken] == ["b601 b602"]


async def test_a_gateway_with_one_socket_hears_where_it_speaks_from(server: Serve) -> None:
    lines = {name: server.lines(f"leg={name} ")[0] for name in ("7001", "7002")}
    legs = {
        name: LegPlan(name, "", _address(line), ("127.0.0.1", 0)) for name, line in lines.items()
    }
    assert all(
        "plays_to=where datagrams come from" in line.replace("'", "") for line in lines.values()
    )
    async with Phone(legs["7001"]) as one, Phone(legs["7002"]) as two:
        await asyncio.gather(one.say(701, 702), two.say(751))
        await asyncio.gather(one.hears(751), two.hears(701, 702))


async def test_no_key_is_written_anywhere(server: Serve, fake: FakeProviders) -> None:
    await _one_way(server, "6003", "6004", 611)
    assert f"Token {DEEPGRAM_KEY}" in fake.keys
    seen = [*server.log(), str(server.journal)]
    for path in ("/api/stats", "/api/settings", "/api/calls", "/metrics", "/health", "/ready", "/"):
        status, text = await server.ask(path)
        assert status == 200, path
        seen.append(text)
    assert not [text for text in seen if DEEPGRAM_KEY in text or DEEPL_KEY in text]


# --- Providers that fail ---


async def test_a_refused_stream_is_replaced_at_once_and_tried_again_sparingly(
    tmp_path: Path,
) -> None:
    """The predecessor dialled 800 times in 8 s for its two callers, and fell silent."""
    legs = pairs(("3333", "4444"))
    async with fake_providers() as fake, serving(tmp_path, fake, legs) as server:
        fake.refuse["listen"] = 500
        async with call(server, "3333", "4444") as (one, two):
            await asyncio.gather(one.say(1, 2, 3), two.say(51, 52))
            await asyncio.gather(two.hears(1, 2, 3), one.hears(51, 52))
            assert (await server.leg("3333"))["stt"]["mode"] == "prerecorded"
            await one.say(4, 5)
            await two.hears(1, 2, 3, 4, 5)
            assert fake.streams == []
            assert 2 <= fake.handshakes <= 16
            fell = "Connection failed, falling back to prerecorded"
            await server.says(f"[STREAMING-3333] {fell}")
            assert len(server.lines(f"[STREAMING-3333] {fell}")) == 1
            await server.says(f"[STREAMING-4444] {fell}")
            assert len(server.lines(f"[STREAMING-4444] {fell}")) == 1

            fake.refuse.clear()
            await until(lambda: len(fake.streams) == 2, lambda: f"{fake.handshakes} handshakes")
            await one.say(6, 7)
            await two.hears(*range(1, 8))
            assert (await server.leg("3333"))["stt"]["mode"] == "streaming"
            assert fake.streams[0].words or fake.streams[1].words
            assert (await server.ask("/ready"))[0] == 200

            fake.refuse |= dict.fromkeys(("listen", "prerecorded", "translate", "speak"), 503)
            # A provider counts as down while nobody may ask it; with nobody to ask it is well again.
            await one.say(8)
            missing = await _ready(server, 503)
            assert (await server.ask("/health"))[0] == 200
            async with asyncio.timeout(PATIENCE):
                while "translation" not in missing:
                    await asyncio.sleep(0.05)
                    missing = await _ready(server, 503)
            await until(lambda: server.happened("untranslated"))
        # Nobody calls a server that is not ready: it must become so by itself.
        await _ready(server, 200)
        assert not [
            text
            for text in [*server.log(), str(server.journal), (await server.ask("/api/stats"))[1]]
            if DEEPGRAM_KEY in text or DEEPL_KEY in text
        ]


def _address(line: str) -> tuple[str, int]:
    """Where a leg listens, as the log tells."""
    found = re.search(r"listens=([\d.]+):(\d+)", line)
    assert found
    return found[1], int(found[2])


async def _ready(server: Serve, wanted: int) -> str:
    async with asyncio.timeout(PATIENCE):
        while (answer := await server.ask("/ready"))[0] != wanted:  # noqa: ASYNC110 - asked anew
            await asyncio.sleep(0.05)
    return answer[1]


async def _one_way(server: Serve, talker: str, listener: str, *words: int) -> None:
    """A short call in which one talks and the other one hears it."""
    async with (
        Phone(server.legs[talker]) as one,
        Phone(server.legs[listener], open_mic=False) as two,
    ):
        await one.say(*words)
        await two.hears(*words)
