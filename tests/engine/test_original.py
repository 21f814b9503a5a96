"""What an ear hears when it is behind, and of the other talker's own voice; echo."""

from __future__ import annotations

import itertools
import math
import random
import socket
import struct
import threading
import time

import pytest

from translink._core import Engine

from .kit import LOCAL, engine, udp

USUAL = ((0.3, 1.0), (1.5, 1.35), (4.0, 1.5))

pytestmark = pytest.mark.alone
"""Loudness is measured while it plays, to some milliseconds."""


def tone(hertz: float, seconds: float, amplitude: int = 9_000) -> bytes:
    count = int(seconds * 16_000)
    wave = (round(amplitude * math.sin(math.tau * hertz * n / 16_000)) for n in range(count))
    return struct.pack(f"<{count}h", *wave)


def samples(pcm: bytes) -> tuple[int, ...]:
    return struct.unpack(f"<{len(pcm) // 2}h", pcm)


def crossings(pcm: bytes) -> int:
    heard = samples(pcm)
    return sum(1 for a, b in itertools.pairwise(heard) if a < 0 <= b)


def test_an_ear_that_is_behind_is_spoken_to_faster_at_the_same_pitch() -> None:
    with engine() as (media, drainer), udp() as ear:
        leg = media.add_leg(listen=LOCAL, play_to=ear.getsockname(), tempo=USUAL)
        speech = tone(200, 4.0)
        media.play(leg, 1, speech, True)
        assert drainer.until(lambda: bool(drainer.steps))
        behind = media.counters(leg)["behind_ns"]
        assert 2.6e9 < behind < 3.5e9
        assert drainer.until(lambda: len(drainer.steps) == 2, 8)
        counters = media.counters(leg)
        heard = b""
        ear.settimeout(0.2)
        try:
            while True:
                heard += ear.recv(2048)
        except TimeoutError:
            pass
        started, finished = drainer.steps
        took = finished.at - started.at + 20_000_000
        assert abs(took - len(heard) / 32 * 1e6) < 2e6
    # The last frame is filled up.
    assert 0 <= len(heard) + counters["tempo_saved"] - len(speech) < 640
    assert 2.8 < len(heard) / 32_000 < 3.6
    assert crossings(heard) / (len(heard) / 32_000) == pytest.approx(200, rel=0.01)
    assert (counters["behind_ns"], counters["tempo"]) == (0, 1_000)


def test_the_tempo_can_be_changed_and_nonsense_is_refused() -> None:
    with engine() as (media, drainer):
        leg = media.add_leg(listen=LOCAL)
        media.set_tempo(leg, [(0.0, 1.0), (0.1, 2.0)])
        media.play(leg, 1, tone(200, 2.0), True)
        assert drainer.until(lambda: len(drainer.steps) == 2, 8)
        assert drainer.steps[1].at - drainer.steps[0].at < 1_600_000_000
        for nonsense in (
            [(0.3, 1.2)],
            [(0.3, 1.0), (0.2, 1.1)],
            [(0.3, 1.0), (1.0, 2.5)],
            [(0.0, 1.0)] * 5,
            [(math.nan, 1.0)],
        ):
            with pytest.raises(ValueError, match="tempo must be"):
                media.set_tempo(leg, nonsense)


def send(media: Engine, leg: int, mouth: socket.socket, pcm: bytes) -> None:
    """At the pace of speech."""
    to, due = media.local_address(leg), time.monotonic()
    for at in range(0, len(pcm), 640):
        mouth.sendto(pcm[at : at + 640], to)
        due += 0.02
        time.sleep(max(0.0, due - time.monotonic()))


def loudest(pcm: bytes) -> float:
    """In dB of the tone. A busy machine makes gaps, which no mean would survive."""
    return 20 * math.log10(max(abs(sample) for sample in samples(pcm)) / 9_000)


def recorded(ear: socket.socket) -> bytes:
    heard = b""
    ear.setblocking(False)
    try:
        while True:
            heard += ear.recv(2048)
    except BlockingIOError:
        return heard


def test_the_original_is_heard_as_loud_as_its_mode_says_and_switched_in_mid_call() -> None:
    with engine() as (media, _), udp() as ear, udp() as mouth:
        talker = media.add_leg(listen=LOCAL)
        listener = media.add_leg(listen=LOCAL, play_to=ear.getsockname())
        media.hear(listener, talker)
        voice = tone(400, 1.5)
        send(media, talker, mouth, voice)
        assert recorded(ear) == b"", "replace is the default"
        for mode, decibels in (("through", 0.0), ("duck", -6.0), ("consecutive", 0.0)):
            media.set_original(listener, mode)  # type: ignore[arg-type]
            send(media, talker, mouth, voice)
            heard = recorded(ear)
            assert loudest(heard[len(heard) // 1_280 * 640 :]) == pytest.approx(
                decibels, abs=0.5
            ), mode
        media.set_original(listener, "replace")
        send(media, talker, mouth, voice)
        assert len(recorded(ear)) < 20 * 640, "faded out, and then nothing"
        with pytest.raises(ValueError, match="original must be"):
            media.set_original(listener, "loud")  # type: ignore[arg-type]
        with pytest.raises(LookupError):
            media.hear(listener, 99)


def test_consecutive_waits_for_the_talker() -> None:
    with engine() as (media, drainer), udp() as mouth:
        talker = media.add_leg(listen=LOCAL, tail_ms=0)
        listener = media.add_leg(listen=LOCAL)
        media.hear(listener, talker)
        media.set_original(listener, "consecutive")
        send(media, talker, mouth, tone(400, 0.4))
        media.play(listener, 1, tone(300, 0.2), True)
        send(media, talker, mouth, tone(400, 0.4))
        quiet = time.monotonic_ns()
        assert not drainer.steps
        send(media, talker, mouth, bytes(32_000))
        assert drainer.until(lambda: len(drainer.steps) == 2)
        assert drainer.steps[0].at - quiet > 600_000_000


def test_captions_say_nothing() -> None:
    with engine() as (media, drainer), udp() as ear:
        leg = media.add_leg(listen=LOCAL, play_to=ear.getsockname())
        media.play(leg, 1, tone(300, 1.0), True)
        media.set_original(leg, "captions")
        media.play(leg, 2, tone(300, 1.0), True)
        assert drainer.until(lambda: [s.kind for s in drainer.steps[-2:]] == ["flushed"] * 2)
        assert {step.utterance for step in drainer.steps[-2:]} == {1, 2}


def test_a_talker_who_is_removed_is_heard_no_more() -> None:
    with engine() as (media, drainer), udp() as ear:
        talker = media.add_leg(listen=LOCAL)
        listener = media.add_leg(listen=LOCAL, play_to=ear.getsockname())
        media.hear(listener, talker)
        media.set_original(listener, "through")
        assert len(ear.recv(2048)) == 640, "silence, while nobody speaks"
        media.remove_leg(talker)
        drainer.for_(0.1)
        recorded(ear)
        drainer.for_(0.2)
        assert recorded(ear) == b""
        media.play(listener, 1, tone(300, 0.1), True)
        assert drainer.until(lambda: len(drainer.steps) == 2)


def test_the_echo_of_a_speakerphone_is_marked() -> None:
    """A telephone that gives back what it hears 140 ms later and 10 dB softer."""
    dice = random.Random(4)
    speech = b"".join(
        tone(dice.uniform(100, 300), dice.uniform(0.08, 0.3), dice.randint(2_000, 12_000))
        + bytes(2 * dice.randint(0, 3_000))
        for _ in range(30)
    )[: 6 * 32_000]
    with engine() as (media, drainer), udp(timeout=2.0) as phone:
        leg = media.add_leg(
            listen=LOCAL, play_to=phone.getsockname(), source="any", echo_guard=True
        )
        to = media.local_address(leg)

        def back() -> None:
            line = [bytes(640)] * 7
            while True:
                try:
                    heard = samples(phone.recv(2048))
                except (TimeoutError, OSError):
                    return
                line.append(struct.pack("<320h", *(round(x * 0.316) for x in heard)))
                phone.sendto(line.pop(0), to)

        telephone = threading.Thread(target=back)
        telephone.start()
        media.play(leg, 1, speech, True)
        assert drainer.until(lambda: len(drainer.steps) == 2, 12)
        telephone.join()

        def counted() -> bool:
            echoes = sum(frame.echo for frame in drainer.frames)
            return media.counters(leg)["frames_echo"] == echoes

        assert drainer.until(counted), "every frame that was counted was handed over"
        counters = media.counters(leg)
        first = drainer.frames[0].start
        end = drainer.frames[-1].start + 320
        kept = media.history(leg, first, end)
        masked = media.history(leg, first, end, without_echo=True)
    assert 100e6 < counters["echo_lag_ns"] < 300e6
    assert 200_000 < counters["echo_gain"] < 500_000
    late = [frame for frame in drainer.frames[200:] if frame.rms > 300]
    assert sum(frame.echo for frame in late) > 0.8 * len(late)
    assert not any(frame.speech for frame in drainer.frames if frame.echo)
    assert kept == (first, b"".join(frame.pcm for frame in drainer.frames))
    meant = (bytes(640) if frame.echo else frame.pcm for frame in drainer.frames)
    assert masked == (first, b"".join(meant))
    assert any(any(frame.pcm) for frame in drainer.frames if frame.echo), "the audio stays"
