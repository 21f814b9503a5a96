"""Asking for finals: when, and what is done without an answer."""

from __future__ import annotations

import pytest

from tests.fakes.media import FakeFrame
from tests.support.accounts import account
from tests.support.lived import assert_lossless, live
from tests.support.world import Plan
from translink.recognition.finalizing import (
    AskFinal,
    FinalizeRules,
    Finalizing,
    GiveUp,
    PassOver,
    Step,
)
from translink.recognition.rules import ListenRules
from translink.recognition.speech_map import SpeechMap
from translink.results import FRAME, RATE, Result

RULES = FinalizeRules(early=0.1)


class FinalizingLine:
    """A talker and what is decided, second by second."""

    def __init__(self, rules: FinalizeRules = RULES) -> None:
        self.speech = SpeechMap(0)
        self.finals = Finalizing(self.speech, rules)
        self.steps: list[tuple[float, Step]] = []

    @property
    def now(self) -> float:
        return self.speech.head / RATE

    def talk(self, seconds: float, *, speech: bool = True, rms: int | None = None) -> None:
        loud = rms if rms is not None else 2_000 * speech
        for _ in range(round(seconds * 50)):
            start = self.speech.head
            frame = FakeFrame(start, speech, 0, 0, rms=loud, peak=loud)
            self.speech.frame(start, speech, loud, 0)
            looks = self.finals.frames([frame])  # type: ignore[list-item]
            if looks or start // FRAME % 12 == 0:
                self._look()

    def _look(self) -> None:
        while (step := self.finals.step(self.now, self.speech.head, self.now)) is not None:
            self.steps.append((self.now, step))
            if isinstance(step, AskFinal):
                self.finals.asked(self.speech.head, self.now, step)
            elif isinstance(step, GiveUp):
                return

    def say(
        self, end: float, text: str = "word", *, final: bool = True, asked: bool = True
    ) -> Result:
        result = Result(0, round(end * RATE), text, (), final, from_finalize=asked and final)
        return self.finals.result(result)


def test_a_pause_by_level_is_asked_about_once_and_its_answer_ends_no_turn() -> None:
    line = FinalizingLine()
    line.talk(1.0)
    line.talk(0.3, rms=5)
    [(at, step)] = line.steps
    assert step == AskFinal(early=True)
    assert at == pytest.approx(1.1)
    assert not line.say(1.1).speech_final


def test_the_longer_a_talker_goes_on_the_shorter_a_dip_is_enough() -> None:
    flowing = FinalizeRules(early=0.1, flowing=2.0)
    for before, dip, asked in [(0.9, 0.08, 0), (1.3, 0.04, 0), (1.3, 0.08, 1), (2.1, 0.02, 1)]:
        line = FinalizingLine(flowing)
        line.talk(before)
        line.talk(dip, rms=5)
        line.talk(0.5)
        assert [step for _, step in line.steps] == [AskFinal(early=True)] * asked, (before, dip)


def test_what_a_final_in_mid_speech_keeps_for_the_next_one_is_no_missing_answer() -> None:
    line = FinalizingLine(FinalizeRules(early=0.1, flowing=2.0))
    line.talk(2.2)
    line.talk(0.02, rms=5)
    line.talk(0.2)
    assert not line.say(1.6).speech_final
    line.talk(2.2)
    assert not [step for _, step in line.steps if isinstance(step, PassOver)]


def test_the_answer_to_an_early_question_ends_no_turn_though_an_unasked_final_came_before() -> None:
    line = FinalizingLine(FinalizeRules(early=0.1, flowing=2.0))
    line.talk(2.2)
    line.talk(0.02, rms=5)
    line.talk(0.2)
    assert [step for _, step in line.steps] == [AskFinal(early=True)]
    assert not line.say(2.15, asked=False).speech_final
    assert not line.say(2.22).speech_final


def test_the_answer_to_an_early_question_ends_no_turn_though_it_was_given_up() -> None:
    line = FinalizingLine()
    line.talk(1.0)
    line.talk(0.2, rms=5)
    line.talk(2.2)
    assert [step for _, step in line.steps if isinstance(step, PassOver)]
    assert not line.say(1.1).speech_final


def test_pauses_that_follow_one_another_too_soon_are_left_alone() -> None:
    line = FinalizingLine()
    for _ in range(5):
        line.talk(0.26)
        line.talk(0.1, rms=5)
    assert [round(at, 2) for at, _ in line.steps] == [0.36, 1.08, 1.8]


def test_a_pause_without_a_word_since_the_last_answer_is_not_asked_about() -> None:
    line = FinalizingLine()
    line.talk(1.0)
    line.say(1.0, asked=False)
    line.talk(0.3, rms=5, speech=False)
    line.talk(0.1)
    line.talk(0.3, rms=5, speech=False)
    assert line.steps == []


def test_the_answer_to_a_long_silence_ends_the_turn() -> None:
    line = FinalizingLine(FinalizeRules())
    line.talk(1.0)
    line.talk(1.2, speech=False)
    [(at, step)] = line.steps
    assert step == AskFinal(early=False)
    assert 2.0 < at < 2.25
    assert line.say(at).speech_final


def test_long_speech_without_an_answer_is_asked_for_in_a_shorter_pause() -> None:
    line = FinalizingLine(FinalizeRules())
    line.talk(2.1)
    line.talk(0.8, speech=False)
    assert [step for _, step in line.steps] == [AskFinal(early=False)]


def test_a_word_that_the_detector_has_not_noticed_yet_is_not_cut() -> None:
    line = FinalizingLine(FinalizeRules())
    line.talk(1.0)
    line.talk(0.98, speech=False)
    line.talk(0.06, speech=False, rms=500)
    line._look()
    line.talk(1.0)
    assert line.steps == []


def test_a_noise_that_is_no_word_puts_the_question_off_only_for_a_moment() -> None:
    line = FinalizingLine(FinalizeRules())
    line.talk(1.0)
    line.talk(1.0, speech=False)
    line.talk(1.0, speech=False, rms=500)
    [(at, step)] = line.steps
    assert step == AskFinal(early=False)
    assert 2.2 < at < 2.5


def test_who_is_cut_off_in_the_first_sound_of_a_word_is_asked_for_all_the_same() -> None:
    line = FinalizingLine(FinalizeRules())
    line.talk(1.0)
    line.talk(0.5, speech=False)
    line.talk(0.06, speech=False, rms=500)
    heard = line.now
    assert line.finals.step(heard + 1.0, line.speech.head, heard) == AskFinal(early=False)


def test_what_is_not_answered_is_passed_over_in_the_pause_that_was_asked_about() -> None:
    line = FinalizingLine()
    line.talk(1.0)
    line.talk(0.2, rms=5)
    line.talk(2.2)
    over = [step for _, step in line.steps if isinstance(step, PassOver)]
    assert over == [PassOver(round(1.05 * RATE))]


def test_a_late_answer_is_an_answer() -> None:
    line = FinalizingLine(FinalizeRules())
    line.talk(1.0)
    line.talk(2.5, speech=False)
    line.say(2.0)
    line.talk(5.0, speech=False)
    assert [step for _, step in line.steps] == [AskFinal(early=False)]


def test_an_interim_that_heard_nothing_answers_only_where_nothing_was_heard_before() -> None:
    line = FinalizingLine(FinalizeRules())
    line.talk(1.0)
    line.say(1.0, "", final=False)
    line.talk(1.5, speech=False)
    assert line.steps == []
    line.talk(1.0)
    line.say(line.now, "word", final=False)
    line.say(line.now, "", final=False)
    line.talk(1.5, speech=False)
    assert [step for _, step in line.steps] == [AskFinal(early=False)]


def test_a_stream_that_answers_nothing_is_given_up_after_so_much_speech() -> None:
    line = FinalizingLine(FinalizeRules(stuck=6.0))
    line.talk(7.0)
    at, step = next((at, step) for at, step in line.steps if isinstance(step, GiveUp))
    assert 6.0 < at < 6.3, step


# The whole listener.


@pytest.mark.parametrize("seed", range(8))
def test_interims_for_75_seconds_and_no_final_cost_no_word_and_little_time(seed: int) -> None:
    world = live(Plan(guess=[(0.0, 75.0)]), seed, seconds=90.0)
    assert_lossless(world)
    assert max(world.delays) < 5.5, "also the first time, and though nobody pauses for a second"
    assert world.handshakes <= 2 + 75 / 10


@pytest.mark.parametrize("seed", range(8))
def test_the_same_where_finalize_goes_early(seed: int) -> None:
    rules = ListenRules(finalize=FinalizeRules(early=0.1))
    world = live(Plan(guess=[(0.0, 75.0)]), seed, seconds=90.0, rules=rules)
    assert_lossless(world)
    assert max(world.delays) < 5.5


@pytest.mark.parametrize("seed", range(8))
def test_a_recogniser_that_makes_no_finals_for_a_while_doubles_nothing(seed: int) -> None:
    world = live(Plan(guess=[(8.0, 8.5 + seed), (20.0, 21.0 + seed)]), seed, seconds=40.0)
    assert_lossless(world)
    assert max(world.delays) < 5.5


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("early", [0.0, 0.1])
def test_who_talks_without_a_pause_waits_no_longer(early: float, seed: int) -> None:
    rules = ListenRules(finalize=FinalizeRules(early=early))
    plan = Plan(guess=[(0.0, 60.0)], natural=True, jitter=0.044)
    world = live(plan, seed, rules=rules)
    assert account(world).exact
    assert max(world.delays) < 5.5


@pytest.mark.parametrize("seed", range(2))
def test_where_finals_come_nothing_is_asked_for_elsewhere(seed: int) -> None:
    world = live(Plan(natural=True), seed)
    assert_lossless(world)
    assert world.requests == 0


@pytest.mark.parametrize("seed", range(8))
def test_where_the_prerecorded_api_is_down_as_well_it_is_only_late(seed: int) -> None:
    plan = Plan(guess=[(5.0, 35.0)], down=[(8.0, 30.0)])
    assert_lossless(live(plan, seed, seconds=40.0))
