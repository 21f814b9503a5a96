"""A leg's sound, read once a second: level, clipping, jitter, what was lost."""

from __future__ import annotations

import asyncio
import math
from typing import cast

import pytest

from tests.support.board import Board, FakeLeg
from tests.support.virtual import run_virtually
from translink.calls.hearing import Hearing
from translink.calls.lag import Lag
from translink.calls.line import FULL_SAMPLE, LineWatch
from translink.media import MediaLeg
from translink.recognition.speech_map import SpeechMap
from translink.results import FRAME


class SoundingLeg(FakeLeg):
    """Has an outline."""

    def __init__(self) -> None:
        super().__init__()
        self.outline = bytearray()

    def envelope(self, lane: str, start: int) -> tuple[int, bytes]:
        return start, bytes(self.outline[2 * start :])

    def sounds(self, low: int, high: int, slots: int = 50) -> None:
        self.outline += bytes([low & 0xFF, high]) * slots


def a_line() -> tuple[LineWatch, SoundingLeg, SpeechMap]:
    leg, speech = SoundingLeg(), SpeechMap(0)
    leg._counters |= dict.fromkeys(
        ("rtp_lost", "rtp_late", "rtp_wait_ns", "rtp_concealed_ns", "jitter_ns", "frames_speech"), 0
    )
    line = LineWatch(cast("MediaLeg", leg), speech, Lag(Hearing()))
    line.look()
    return line, leg, speech


def speak(speech: SpeechMap, rms: int, frames: int = 100) -> None:
    for _ in range(frames):
        speech.frame(speech.head, True, rms, 0)


@pytest.mark.parametrize("level", [-20.0, -26.0, -41.0])
def test_the_level_is_that_of_speech(level: float) -> None:
    line, _, speech = a_line()
    speak(speech, round(FULL_SAMPLE * 10 ** (level / 20)))
    for _ in range(200):
        speech.frame(speech.head, False, 3, 0)
    line.look()
    assert line.figures().level_db == pytest.approx(level, abs=0.6)


def test_silence_has_no_level() -> None:
    line, _, _ = a_line()
    line.look()
    figures = line.figures()
    assert (figures.level_db, figures.peak_db, figures.clipped) == (None, None, 0.0)
    assert figures.mos is None, "of raw PCM nobody knows what was lost"


def test_frames_that_never_came_are_not_loud() -> None:
    line, _, speech = a_line()
    speak(speech, 1_000, frames=20)
    speech.frame(speech.head + 30 * FRAME, True, 1_000, 0)
    line.look()
    assert line.figures().level_db == pytest.approx(-30.3, abs=0.6)


def test_clipping_is_the_share_of_sound_that_reaches_full_scale() -> None:
    line, leg, _ = a_line()
    leg.sounds(-60, 60, slots=40)
    leg.sounds(-128, 127, slots=10)
    leg.sounds(0, 1, slots=500)
    line.look()
    figures = line.figures()
    assert figures.clipped == pytest.approx(0.2)
    assert figures.peak_db == pytest.approx(20 * math.log10(127 / 128), abs=0.1)


def test_one_side_of_the_wave_may_clip_alone() -> None:
    line, leg, _ = a_line()
    leg.sounds(-128, 20, slots=25)
    leg.sounds(-30, 20, slots=25)
    line.look()
    assert line.figures().clipped == pytest.approx(0.5)


def test_jitter_and_losses_are_those_of_this_call() -> None:
    leg = SoundingLeg()
    leg._counters |= {"rtp_lost": 70, "rtp_late": 5, "jitter_ns": 0, "rtp_wait_ns": 80_000_000}
    line = LineWatch(cast("MediaLeg", leg), SpeechMap(0), Lag(Hearing()))
    leg.count("datagrams_in", 100)
    for jitter in (2_000_000, 6_000_000):
        leg.count("jitter_ns", jitter)
        line.look()
    leg.count("rtp_lost", 80)
    line.look()
    figures = line.figures()
    assert (figures.rtp, figures.lost_packets, figures.late_packets) == (True, 10, 0)
    assert figures.jitter_ms == pytest.approx((2 + 6 + 6) / 3, abs=0.01)
    assert (figures.jitter_max_ms, figures.buffer_ms) == (6.0, 80.0)
    # 10 of 110 lost: R = 93.2 - 2.4 - 25.3
    assert figures.mos == pytest.approx(3.36, abs=0.03)


def test_a_leg_that_is_closed_keeps_its_last_reading() -> None:
    line, leg, _ = a_line()
    leg.count("datagrams_in", 100)
    line.look()

    def closed() -> None:
        raise LookupError

    leg.counters = closed  # type: ignore[assignment,method-assign]
    leg.envelope = lambda *_: closed()  # type: ignore[assignment,method-assign]
    line.look()
    assert line.figures().datagrams == 100


def test_a_call_keeps_the_books_of_both_legs() -> None:
    async def scenario() -> Board:
        board = Board(idle_timeout=30)
        kept = []
        board.switchboard.on_ended = lambda call: kept.append(call.books.account())
        watching = asyncio.create_task(board.switchboard.watch())
        await board.talk("1", 2.2)
        await board.switchboard.close("over")
        watching.cancel()
        (account,) = kept
        assert set(account.lines) == {"1", "2"}
        assert account.lines["1"].datagrams >= 100
        assert account.lines["2"].datagrams == 0
        assert account.said["1"].words > 0
        assert account.said["1"].confidence is None
        heard = account.stages["mouth_to_ear"]
        assert heard.count == account.said["1"].spoken
        assert heard.total_s > 0
        return board

    run_virtually(scenario())
