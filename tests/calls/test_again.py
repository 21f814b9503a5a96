"""An ear that says the last thing again, and not in the middle of another one."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from tests.fakes.media import FakePlayout
from translink.calls.again import LONGEST_AGAIN, RepeatingEar

if TYPE_CHECKING:
    from translink._core import Playout


class RecordingEar:
    def __init__(self, room: int = 1 << 30) -> None:
        self.said: list[bytes] = []
        self.room = room
        self.open: set[int] = set()
        """Utterances that were begun and not ended."""

    def play(self, utterance: int, pcm: bytes, last: bool = False) -> int:
        accepted = min(len(pcm), self.room)
        self.said.append(pcm[:accepted])
        self.open.add(utterance)
        if last and accepted == len(pcm):
            self.open.discard(utterance)
        return accepted

    def flush(self) -> None:
        self.said.clear()


def starts(ear: RepeatingEar, utterance: int) -> None:
    ear.playout(cast("Playout", FakePlayout(utterance, "started", 0)))


def test_before_anything_was_heard_there_is_nothing_to_say_again() -> None:
    far = RecordingEar()
    ear = RepeatingEar(far)
    assert not ear.again()
    ear.play(1, b"one.", last=True)
    assert not ear.again()
    assert far.said == [b"one."]


def test_what_is_heard_is_said_again_and_not_what_waits_behind_it() -> None:
    far = RecordingEar()
    ear = RepeatingEar(far)
    ear.play(1, b"on")
    ear.play(1, b"e.", last=True)
    ear.play(2, b"two.", last=True)
    starts(ear, 1)
    assert ear.again()
    starts(ear, 2)
    assert ear.again()
    assert far.said[-2:] == [b"one.", b"two."]


def test_it_is_not_said_into_an_utterance_that_goes_on() -> None:
    far = RecordingEar()
    ear = RepeatingEar(far)
    ear.play(1, b"one.", last=True)
    starts(ear, 1)
    ear.play(2, b"tw")
    assert ear.again()
    assert not ear.again(), "twice the key is once"
    assert far.said[-1] == b"tw"
    ear.play(2, b"o.", last=True)
    assert far.said[-2:] == [b"o.", b"one."]


def test_a_full_ear_gets_what_it_took_and_no_sound_is_kept_for_ever() -> None:
    far = RecordingEar(room=2)
    ear = RepeatingEar(far)
    assert ear.play(1, b"abcd", last=True) == 2
    assert ear.play(1, b"cd", last=True) == 2
    starts(ear, 1)
    far.room = 1 << 30
    ear.play(2, bytes(2 * LONGEST_AGAIN), last=True)
    starts(ear, 2)
    assert ear.again()
    assert len(far.said[-1]) == LONGEST_AGAIN


def test_what_a_full_ear_takes_in_part_holds_up_nothing_behind_it() -> None:
    far = RecordingEar()
    ear = RepeatingEar(far)
    ear.play(1, b"one.", last=True)
    starts(ear, 1)
    far.room = 2
    assert ear.again()
    assert b"".join(far.said) == b"one.on"
    assert not far.open
