"""Words of an echo are found, and the talker's own are left."""

from __future__ import annotations

from typing import cast

import pytest

from tests.fakes.media import FakeFrame
from translink._core import Frame
from translink.calls.echo import EchoedWords, WithoutEcho
from translink.calls.hearing import Hearing
from translink.recognition.speech_map import SpeechMap
from translink.results import FRAME, RATE, Result, Word

HEARD = "The meeting is on Tuesday at three, in the large room."
OWN = "no wait I cannot come"


class EchoPhone:
    """A talker whose ear may come back through their microphone, 180 ms later."""

    def __init__(self, lag: float | None = 0.18) -> None:
        self.lag = lag
        self.hearing = Hearing(echo=lambda: self.lag)
        self.speech = SpeechMap(0)
        self.guard = EchoedWords(self.hearing, self.speech)

    def is_played(self, text: str = HEARD, start: float = 1.0, end: float = 4.0) -> None:
        self.hearing.played.begin(1, text, start)
        self.hearing.played.end(1, end)

    def hears(self, seconds: float, *, speech: bool = True, echo: bool = False) -> None:
        """Audio comes in; the sound of sample n reaches the socket at n / 16,000 s."""
        for _ in range(round(seconds * 50)):
            at = self.speech.head
            captured = round((at + FRAME) / RATE * 1e9)
            frame = FakeFrame(at, speech and not echo, captured, captured, echo=echo)
            self.speech.frame(at, frame.speech, 100, captured)
            self.guard.frames([cast("Frame", frame)])

    def says(self, text: str, start: float = 1.2, end: float = 4.2) -> tuple[str, str]:
        """A final; its words share the time. What is left of it, and what was an echo."""
        texts = text.split()
        step = (end - start) / len(texts)
        times = [int((start + n * step) * RATE) for n in range(len(texts) + 1)]
        words = tuple(map(Word, texts, times, times[1:]))
        final = Result(times[0], times[-1], text, words, final=True, speech_final=True)
        own, echo = self.guard.split(final)
        assert own.speech_final
        assert own.text == " ".join(word.text for word in own.words)
        return own.text, echo


def test_what_the_ear_was_played_is_not_the_talkers() -> None:
    phone = EchoPhone()
    phone.is_played()
    phone.hears(5.0)
    assert phone.says("the meeting is on Tuesday at 3 in the large room") == (
        "",
        "the meeting is on Tuesday at 3 in the large room",
    )


def test_misheard_words_at_its_ends_belong_to_it() -> None:
    phone = EchoPhone()
    phone.is_played()
    phone.hears(5.0)
    assert phone.says("Then meeting is on Thursday at three in the large rooms")[0] == ""


def test_the_talkers_own_words_around_it_stay() -> None:
    phone = EchoPhone()
    phone.is_played()
    phone.hears(5.0)
    heard = f"{OWN} the meeting is on Tuesday at three please"
    assert phone.says(heard) == (f"{OWN} please", "the meeting is on Tuesday at three")


def test_who_says_something_else_keeps_every_word() -> None:
    phone = EchoPhone()
    phone.is_played("Would you like the small one or the large one?")
    phone.hears(5.0)
    assert phone.says(HEARD) == (HEARD, "")


@pytest.mark.parametrize(
    ("start", "end"),
    [
        (4.1, 6.5),  # right behind it
        (2.8, 5.2),  # in the midst of it
        (1.2, 6.2),  # slower
        (0.8, 3.8),  # ahead of it
    ],
)
def test_where_no_echo_is_known_who_repeats_what_they_hear_keeps_every_word(
    start: float, end: float
) -> None:
    phone = EchoPhone(lag=0.0)
    phone.is_played()
    phone.hears(8.0)
    assert phone.says(HEARD, start, end) == (HEARD, "")
    assert phone.says("yes", start, end) == ("yes", "")


def test_where_nobody_looks_for_an_echo_nothing_is_one() -> None:
    phone = EchoPhone(lag=None)
    phone.is_played("Come at three today.", 1.0, 2.2)
    phone.hears(3.0)
    assert phone.says("come at three today", 1.3, 2.2)[1] == ""


def test_an_echo_too_short_to_be_known_by_its_sound_is_known_by_its_time() -> None:
    phone = EchoPhone(lag=0.0)
    phone.is_played("Come at three today.", 1.0, 2.2)
    phone.hears(8.0)
    assert phone.says("come at three today", 1.3, 2.2)[0] == ""
    assert phone.says("come at three", 1.3, 2.2)[0] == "", "almost all of it"
    assert phone.says("come at four tomorrow", 1.3, 2.2)[0] != ""


def test_few_words_in_the_midst_of_others_are_chance() -> None:
    phone = EchoPhone()
    phone.is_played()
    phone.hears(5.0)
    said = "I am on Tuesday in the office"
    assert phone.says(said) == (said, "")


def test_a_single_word_that_is_all_of_it_is_an_echo() -> None:
    phone = EchoPhone()
    phone.is_played("Yes.")
    phone.hears(5.0)
    assert phone.says("yes")[0] == ""
    assert phone.says("yes sir")[0] == "yes sir"


def test_it_comes_back_soon_or_not_at_all() -> None:
    phone = EchoPhone()
    phone.is_played(start=1.0, end=4.0)
    phone.hears(12.0)
    assert phone.says(HEARD, 4.5, 5.0)[0] == "", "within its lag and a second"
    assert phone.says(HEARD, 5.3, 8.0)[0] == HEARD, "they repeat what they heard"
    assert phone.says(HEARD, 0.2, 1.0)[0] == HEARD, "they said it first"


def test_who_repeats_what_they_hear_over_it_is_louder_than_the_echo() -> None:
    phone = EchoPhone()
    phone.is_played()
    phone.hears(1.0)
    phone.hears(0.2, echo=True)  # from here on the engine tells them apart
    phone.hears(4.0, speech=True)
    assert phone.says(HEARD)[0] == HEARD


def test_what_slipped_through_the_engines_mark_is_found_by_its_words() -> None:
    phone = EchoPhone()
    phone.is_played()
    phone.hears(1.0)
    for _ in range(10):
        phone.hears(0.3, echo=True)
        phone.hears(0.1, speech=True)
    assert phone.says(HEARD)[0] == ""


def test_an_echo_of_before_the_engine_knew_it_is_found_by_its_words() -> None:
    phone = EchoPhone()
    phone.is_played()
    phone.hears(4.2)
    phone.hears(1.0, echo=True)
    assert phone.says(HEARD)[0] == ""


def test_a_script_that_writes_no_words_apart_is_compared_by_its_characters() -> None:
    phone = EchoPhone()
    phone.is_played("会議は火曜日の三時からです。")
    phone.hears(5.0)
    assert phone.says("会議は 火曜日の 三時 から です")[0] == ""
    assert phone.says("明日は 来ません")[0] == "明日は 来ません"


def test_without_times_of_words_all_of_it_goes_or_nothing() -> None:
    phone = EchoPhone()
    phone.is_played()
    phone.hears(5.0)
    for text, left in ((HEARD, ""), (f"{OWN} {HEARD}", f"{OWN} {HEARD}")):
        final = Result(RATE, 4 * RATE, text, (), final=True)
        assert phone.guard.split(final)[0].text == left


def test_the_recogniser_is_given_the_ledger_without_the_echo() -> None:
    class EchoLedger:
        def history(self, start: int, end: int, *, without_echo: bool = False) -> tuple[int, bytes]:
            return start, b"masked" if without_echo else b"all"

    assert WithoutEcho(EchoLedger()).history(3, 4) == (3, b"masked")
