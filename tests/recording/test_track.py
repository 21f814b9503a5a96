"""One leg's file: both channels of one length and on one clock, whatever the disk and the leg do."""

from __future__ import annotations

from array import array

from translink.recognition.speech_map import SpeechMap
from translink.recording.stereo import unwoven
from translink.recording.track import TAPPED, Track

RATE = 16_000
FRAME = 320


class RecordedLegStub:
    """Says 1, 2, 3 … as samples of each frame, and hears a thousand more; keeps 5 s of both."""

    def __init__(self, start: int = 0) -> None:
        self.now = 100 * RATE
        self.start = start
        self.speech = SpeechMap(start)
        self.sent: dict[int, int] = {}
        self.gone = False
        self.quiet = False
        """It says next to nothing."""

    def talk(self, frames: int = 1, *, hears: bool = False, came: int = 0) -> None:
        for _ in range(frames):
            self.now += FRAME
            if hears:
                self.sent[self.now // FRAME] = 1_000
            at = (self.now - came) * 1_000_000_000 // RATE
            self.speech.frame(self.speech.head, True, 500, at)

    def pause(self, frames: int) -> None:
        self.now += frames * FRAME

    def history(self, start: int, end: int) -> tuple[int, bytes]:
        if self.gone:
            raise LookupError
        first = min(end, max(start, self.start, self.speech.head - TAPPED))
        loud = (10 if self.quiet else 1_000 + n // FRAME % 1_000 for n in range(first, end))
        return first, array("h", loud).tobytes()

    def heard(self, start: int, end: int) -> tuple[int, bytes]:
        if self.gone:
            raise LookupError
        slots = [slot for slot in self.sent if slot >= self.now // FRAME - TAPPED // FRAME]
        if not slots:
            return end, b""
        first = max(start, min(slots) * FRAME)
        last = min(end, (max(slots) + 1) * FRAME)
        loud = (self.sent.get(n // FRAME, 0) for n in range(first, last))
        return first, array("h", loud).tobytes()


def read(
    leg: RecordedLegStub, track: Track, *, finish: bool = False
) -> tuple[array[int], array[int]]:
    track.look()
    left, right = unwoven(track.finish(leg.now) if finish else track.take(leg.now))
    assert len(left) == len(right)
    return array("h", left), array("h", right)


def loud(samples: array[int]) -> tuple[int, int]:
    """First and last sample that is no silence."""
    found = [n for n, each in enumerate(samples) if each]
    return found[0], found[-1] + 1


def test_both_channels_lie_where_they_were_said_and_heard() -> None:
    leg = RecordedLegStub()
    track = Track(leg, leg.speech, leg.now)
    left, right = array("h"), array("h")
    for step in range(100):
        leg.talk(5, hears=20 <= step < 30)
        said, heard = read(leg, track)
        left, right = left + said, right + heard
    said, heard = read(leg, track, finish=True)
    left, right = left + said, right + heard
    assert len(left) == len(right) == 501 * FRAME
    assert loud(left) == (0, 500 * FRAME)
    assert loud(right) == (101 * FRAME, 151 * FRAME)
    assert left[123 * FRAME] == 1_123, "in order, none twice"
    assert track.lost_ms == 0


def test_a_pause_of_the_talker_is_as_long_in_the_file() -> None:
    leg = RecordedLegStub()
    track = Track(leg, leg.speech, leg.now)
    left: array[int] = array("h")
    for frames in (50, -200, 50):
        for _ in range(abs(frames) // 5):
            leg.talk(5) if frames > 0 else leg.pause(5)
            left += read(leg, track)[0]
    left += read(leg, track, finish=True)[0]
    assert len(left) == 301 * FRAME
    assert set(left[50 * FRAME : 250 * FRAME]) == {0}
    assert left[250 * FRAME] == 1_050


def test_small_jitter_takes_no_sample_away() -> None:
    leg = RecordedLegStub()
    leg.quiet = True
    track = Track(leg, leg.speech, leg.now)
    left: array[int] = array("h")
    for step in range(60):
        leg.talk(5, came=-(step % 7) * 40)
        left += read(leg, track)[0]
    left += read(leg, track, finish=True)[0]
    found = array("h", (each for each in left if each))
    assert len(found) == 300 * FRAME


def test_a_talker_whose_clock_is_fast_is_followed_in_their_silence() -> None:
    leg = RecordedLegStub()
    leg.quiet = True
    track = Track(leg, leg.speech, leg.now)
    left: array[int] = array("h")
    for _ in range(200):
        leg.talk(5)
        leg.now -= 20  # 100 ms of sound come in 99
        left += read(leg, track)[0]
    left += read(leg, track, finish=True)[0]
    assert abs(len(left) - (200 * (5 * FRAME - 20) + FRAME)) < 3 * FRAME


def test_a_disk_that_stood_still_costs_what_the_engine_could_not_keep_and_no_more() -> None:
    leg = RecordedLegStub()
    track = Track(leg, leg.speech, leg.now)
    left, right = array("h"), array("h")
    for still in (5, 600, 5):
        for _ in range(still // 5):
            leg.talk(5, hears=True)
            track.look()
        said, heard = read(leg, track)
        left, right = left + said, right + heard
    said, heard = read(leg, track, finish=True)
    left, right = left + said, right + heard
    assert len(left) == len(right) == 611 * FRAME
    # 12 s went by, 5 s of each lane are kept.
    assert 14_000 <= track.lost_ms <= 15_100
    assert left[609 * FRAME] == 1_609, "what comes after lies where it should"
    assert right[609 * FRAME] == 1_000


def test_a_disk_that_stands_still_for_three_seconds_costs_nothing() -> None:
    leg = RecordedLegStub()
    track = Track(leg, leg.speech, leg.now)
    right: array[int] = array("h")
    for still in (50, 150, 50):
        for _ in range(still // 5):
            leg.talk(5, hears=True)
            track.look()
        right += read(leg, track)[1]
    right += read(leg, track, finish=True)[1]
    assert track.lost_ms == 0
    assert set(right[2 * FRAME : 250 * FRAME]) == {1_000}


def test_a_leg_that_is_gone_is_silence() -> None:
    leg = RecordedLegStub()
    track = Track(leg, leg.speech, leg.now)
    leg.talk(50)
    leg.gone = True
    left, right = read(leg, track, finish=True)
    assert set(left) == set(right) == {0}
    assert track.lost_ms == 1_000


def test_frames_that_were_forgotten_before_the_call_are_no_loss() -> None:
    leg = RecordedLegStub(start=10 * FRAME)
    leg.speech = SpeechMap(0)
    track = Track(leg, leg.speech, leg.now)
    leg.speech.begin(10 * FRAME)
    leg.talk(50)
    left, _ = read(leg, track, finish=True)
    assert track.lost_ms == 0
    assert left[-FRAME - 1] == 1_059
