"""GStreamer and ffmpeg talk RTP to a leg, and understand what it sends them: words counted."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engine.kit import LOCAL, engine
from tests.engine.rtp import numbers, words
from tests.interop.conftest import need
from translink.callers.ports import free_port
from translink.callers.wav import write_wav

WORDS = 20
ALL = list(range(1, WORDS + 1))
LEAD = bytes(6_400)
"""200 ms: a codec settles, and a program that has just begun listens."""


@contextlib.contextmanager
def running(*command: str) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        yield process
    finally:
        process.terminate()
        process.communicate(timeout=20)


@pytest.fixture
def speech(tmp_path: Path) -> Path:
    path = tmp_path / "words.wav"
    write_wav(path, LEAD + words(1, WORDS) + LEAD)
    return path


FFMPEG = {
    "alaw": ("pcm_alaw", "8000"),
    "ulaw": ("pcm_mulaw", "8000"),
    "g722": ("g722", "16000"),
    "l16": ("pcm_s16be", "16000"),
}


@need("ffmpeg")
@pytest.mark.parametrize("format", FFMPEG)
def test_what_ffmpeg_sends_is_heard_word_for_word(format: str, speech: Path) -> None:
    codec, rate = FFMPEG[format]
    with engine() as (media, drainer):
        leg = media.add_leg(listen=LOCAL, transport="rtp", format="slin16")
        host, port = media.local_address(leg)
        coding = ["-ar", rate, "-ac", "1", "-c:a", codec, "-f", "rtp"]
        command = ["ffmpeg", "-v", "error", "-re", "-i", str(speech), *coding]
        with running(*command, f"rtp://{host}:{port}") as ffmpeg:
            assert drainer.until(lambda: ffmpeg.poll() is not None, 60)
        drainer.for_(1.0)
        assert numbers(drainer.audio(leg)) == ALL
        counters = media.counters(leg)
        assert counters["rtp_lost"] == counters["rtp_refused"] == counters["rtp_late"] == 0


GSTREAMER = {
    "alaw": "rate=8000 ! alawenc ! rtppcmapay",
    "ulaw": "rate=8000 ! mulawenc ! rtppcmupay",
    "l16": "rate=16000 ! audioconvert ! audio/x-raw,format=S16BE ! rtpL16pay pt=97",
}


@need("gst-launch-1.0")
@pytest.mark.parametrize("format", GSTREAMER)
def test_what_gstreamer_sends_is_heard_word_for_word(format: str, speech: Path) -> None:
    with engine() as (media, drainer):
        leg = media.add_leg(listen=LOCAL, transport="rtp", format="slin16")
        host, port = media.local_address(leg)
        pipeline = (
            "wavparse ! audioconvert ! audioresample ! "
            f"audio/x-raw,channels=1,{GSTREAMER[format]} ! udpsink host={host} port={port}"
        )
        source = ["filesrc", f"location={speech}", "!"]
        with running("gst-launch-1.0", "-q", *source, *pipeline.split()) as gstreamer:
            assert drainer.until(lambda: gstreamer.poll() is not None, 60)
        drainer.for_(1.0)
        assert numbers(drainer.audio(leg)) == ALL
        counters = media.counters(leg)
        assert counters["rtp_lost"] == counters["rtp_refused"] == 0


DESCRIBED = {
    "alaw": (8, "PCMA/8000"),
    "ulaw": (0, "PCMU/8000"),
    "g722": (9, "G722/8000"),
}


@need("ffmpeg")
@pytest.mark.parametrize("reply", DESCRIBED)
def test_what_a_leg_sends_is_understood_by_ffmpeg(reply: str, tmp_path: Path) -> None:
    port = free_port(socket.SOCK_DGRAM)
    number, coding = DESCRIBED[reply]
    session, heard = tmp_path / "leg.sdp", tmp_path / "heard.raw"
    session.write_text(
        f"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=leg\nc=IN IP4 127.0.0.1\nt=0 0\n"
        f"m=audio {port} RTP/AVP {number}\na=rtpmap:{number} {coding}\n"
    )
    hear = ["-protocol_whitelist", "file,udp,rtp", "-i", str(session)]
    write = ["-ar", "16000", "-ac", "1", "-f", "s16le", "-flush_packets", "1", str(heard)]
    with engine() as (media, drainer), running("ffmpeg", "-v", "error", *hear, *write):
        leg = media.add_leg(
            listen=LOCAL,
            play_to=("127.0.0.1", port),
            transport="rtp",
            reply=reply,  # type: ignore[arg-type]
        )
        # ffmpeg reads the first five seconds of a stream to know it, and gives all of them out.
        drainer.for_(2.0)
        media.play(leg, 1, words(1, WORDS), True)
        got: list[int] = []

        def all_heard() -> bool:
            got[:] = numbers(heard.read_bytes()) if heard.exists() else []
            time.sleep(0.1)
            return len(got) >= WORDS

        assert drainer.until(all_heard, 60), got
    assert got == ALL
