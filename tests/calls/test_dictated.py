"""Numbers said in groups, spelled names and addresses go to translation in one piece: thirty utterances
(`dictated.toml`), said with pauses, to the real rules of Finalize and of the commit, in virtual time.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.media import FakeFrame
from translink.calls.dictated import dictations, is_within, waits_from
from translink.calls.segments import Segmenter
from translink.recognition.finalizing import AskFinal, FinalizeRules, Finalizing
from translink.recognition.speech_map import SpeechMap
from translink.results import FRAME, RATE, Result, UtteranceEnd, Word
from translink.settings.speech import SegmentSettings

DATA = tomllib.loads(Path(__file__).with_name("dictated.toml").read_text(encoding="utf-8"))
PAUSES = (0.3, 0.45, 0.6)
WORD = 0.35
"""Seconds a word takes, and until an answer is here."""
ENDPOINTING = 0.3
HANG_OVER = 0.25
ANSWER = 0.3


def spoken(said: list[str], pauses: tuple[float, ...]) -> list[Word]:
    """The words of the groups, with a pause between two groups."""
    words: list[Word] = []
    at = 0.5
    for group, pause in zip(said, cycle(pauses), strict=False):
        for token in group.split():
            words.append(Word(token, round(at * RATE), round((at + WORD) * RATE)))
            at += WORD
        at += pause
    return words


@dataclass
class DictatingLine:
    """A talker, a recogniser that answers as nova does, and what is sent to translation."""

    language: str
    words: list[Word]
    early: float
    settings: SegmentSettings = field(default_factory=SegmentSettings)
    goes_on: float = 4.0
    """Seconds of silence behind."""

    def __post_init__(self) -> None:
        self.speech = SpeechMap(0)
        self.finals = Finalizing(self.speech, FinalizeRules(early=self.early))
        self.segmenter = Segmenter(self.settings, language=self.language)
        self.sent: list[tuple[float, str]] = []
        self._final = 0
        """Words that are final."""
        self._due: list[tuple[float, int, str]] = []
        """When the recogniser says what, of the words up to which one."""

    def run(self) -> list[str]:
        end = self.words[-1].end / RATE + self.goes_on
        for number in range(round(end * 50)):
            self._frame(number)
            self._look(number)
            self._recognise(number / 50)
            self._say(number / 50)
            deadline = self.segmenter.deadline
            if deadline is not None and deadline <= number / 50:
                self.segmenter.tick(number / 50)
            self.sent += [(number / 50, each.text) for each in self.segmenter.segments()]
        return [text for _, text in self.sent]

    def _speaks(self, seconds: float) -> bool:
        sample = seconds * RATE
        return any(word.start <= sample < word.end for word in self.words)

    def _frame(self, number: int) -> None:
        at = number / 50
        loud = 2_000 if self._speaks(at) else 5
        heard = any(self._speaks(at - back / 50) for back in range(round(HANG_OVER * 50)))
        self.speech.frame(number * FRAME, heard, loud, 0)
        frame = FakeFrame(number * FRAME, heard, 0, 0, rms=loud, peak=loud)
        self.finals.frames([frame])  # type: ignore[list-item]

    def _look(self, number: int) -> None:
        now, head = number / 50, self.speech.head
        if isinstance(step := self.finals.step(now, head, now), AskFinal):
            self.finals.asked(head, now, step)
            self._due.append((now + ANSWER, self._ended(now), "answer"))

    def _ended(self, now: float) -> int:
        return sum(word.end <= now * RATE for word in self.words)

    def _recognise(self, now: float) -> None:
        ended = self._ended(now)
        if ended and not self._speaks(now):
            quiet = round((now - self.words[ended - 1].end / RATE) * 50)
            if quiet == round(ENDPOINTING * 50):
                self._due.append((now + ANSWER, ended, "speech_final"))
            if quiet == 50:
                self._due.append((now + ANSWER, ended, "utterance_end"))
        if round(now * 50) % 25 == 0:
            self._due.append((now + ANSWER, ended, "interim"))

    def _say(self, now: float) -> None:
        due = [each for each in self._due if each[0] <= now]
        self._due = [each for each in self._due if each[0] > now]
        for _, count, kind in due:
            words = tuple(self.words[self._final : count])
            if kind == "utterance_end":
                self.segmenter.utterance_end(UtteranceEnd(self.words[count - 1].end), now)
            elif words or kind == "speech_final":
                self._result(words, kind, now)
                if kind != "interim":
                    self._final = max(self._final, count)

    def _result(self, words: tuple[Word, ...], kind: str, now: float) -> None:
        start = words[0].start if words else self.words[self._final - 1].end
        result = Result(
            start,
            words[-1].end if words else round((now - ANSWER) * RATE),
            " ".join(word.text for word in words),
            words,
            kind != "interim",
            speech_final=kind == "speech_final",
            from_finalize=kind == "answer",
            received=now,
        )
        self.segmenter.result(self.finals.result(result), now)


@pytest.mark.parametrize("early", [0.0, 0.1], ids=["endpointing", "early Finalize"])
@pytest.mark.parametrize("utterance", DATA["utterance"], ids=lambda each: each["name"])
def test_what_is_dictated_is_sent_in_one_piece(utterance: dict[str, Any], early: float) -> None:
    words = spoken(utterance["said"], tuple(utterance.get("pauses", PAUSES)))
    line = DictatingLine(utterance["language"], words, early)
    assert line.run() == utterance["sent"]
    over = words[-1].end / RATE
    assert line.sent[-1][0] <= over + line.settings.max_wait + ENDPOINTING + ANSWER + 0.1


def test_the_set_has_thirty_utterances_in_five_languages() -> None:
    languages = [each["language"].partition("-")[0] for each in DATA["utterance"]]
    assert {code: languages.count(code) for code in languages} == dict.fromkeys(
        ("en", "fr", "de", "es", "it"), 6
    )


@pytest.mark.parametrize("plain", DATA["plain"], ids=lambda each: each["said"])
def test_a_quantity_waits_no_longer_than_any_other_turn(plain: dict[str, Any]) -> None:
    words = spoken([plain["said"]], PAUSES)
    line = DictatingLine(plain["language"], words, 0.1)
    assert line.run() == [plain["said"]]
    assert line.sent[-1][0] <= words[-1].end / RATE + ENDPOINTING + ANSWER + 0.1


def test_a_number_without_an_end_goes_when_it_has_waited_long_enough() -> None:
    words = spoken(["My number is 1 2", *["3 4"] * 30], PAUSES)
    line = DictatingLine("en", words, 0.1, SegmentSettings(dictated=5.0, max_words=500))
    texts = line.run()
    assert " ".join(texts) == " ".join(word.text for word in words)
    first, *_ = line.sent
    assert words[0].start / RATE + 5.0 <= first[0] <= words[0].start / RATE + 7.5


def test_nothing_waits_for_a_number_where_it_is_switched_off() -> None:
    words = spoken(["My number is 06", "12", "34"], PAUSES)
    assert len(DictatingLine("en", words, 0.1, SegmentSettings(dictated=0)).run()) == 3


def test_a_number_is_not_cut_for_length() -> None:
    said = "we were told many things and then at the very end a number 06 12 34 56 78 90"
    segmenter = Segmenter(SegmentSettings(max_words=16), language="en")
    words = spoken([said], PAUSES)
    segmenter.result(Result(0, words[-1].end, said, tuple(words), final=True), 1.0)
    segmenter.flush(2.0)
    texts = [each.text for each in segmenter.segments()]
    assert any("06 12 34 56 78 90" in text for text in texts)
    assert " ".join(texts) == said


def test_a_language_without_a_list_has_its_digits() -> None:
    tokens = ["Mój", "numer", "601", "20", "30"]
    found = dictations(tokens, "pl")
    assert waits_from(tokens, "pl", found, over=True) == 0
    assert is_within(found, 3)
    assert not is_within(found, 2)
