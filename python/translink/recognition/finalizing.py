"""When a stream is asked for what it holds back, and what is done when it does not answer. Sans-IO.

Theory of operation
    A recogniser makes words final when it sees fit. Three things are done about that, each with its
    own patience:

    * Early: after `early` seconds of quiet by level Finalize is sent, so that a phrase is final at
      its end and not up to five seconds later. Its answer ends no turn. By level, because a voice
      detector calls quiet what has been quiet for a quarter of a second. Where a talker does not
      pause, a shorter dip will do, the shorter the longer they have gone on: of `early` seconds
      while less than `FLOWING` wait for a final, of a single frame from `flowing` seconds on.
    * Forgotten: the detector has heard nobody for `quiet` seconds, and speech before that has no
      answer: Finalize, whether silence keeps coming or nothing at all.
    * Unanswered: a Finalize without an answer for `unanswered` seconds means that the stretch before
      it is recognised elsewhere. Where the stream has answered nothing for `stuck` seconds of
      speech, it is given up, however many interims it sends. From then on until a final comes the
      leg's streams are *suspect*: they are asked at every pause, and given half the time. One that
      is behind and cannot be asked yet (Finalize stands behind audio) is treated as if it had been.
    * Overdue: speech that is `overdue` seconds old is recognised elsewhere, asked for or not, and
      shortly before that the stream is asked in the shortest pause (`overdue.py`).

    An *answer* is a final, or an interim that heard nothing where none before it had words.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from translink.recognition.level import Quiet
from translink.recognition.overdue import Overdue
from translink.results import RATE, Result

if TYPE_CHECKING:
    from collections.abc import Sequence

    from translink._core import Frame
    from translink.recognition.speech_map import SpeechMap

WORTH_AN_ANSWER = RATE // 5
"""Samples of unanswered speech that make silence suspicious: less may be a click that no recogniser
mentions."""
LONG_UNANSWERED = 2.0
"""Seconds of unanswered speech from which on a pause of `SHORT_PAUSE` is enough to ask."""
SHORT_PAUSE = 0.3
SUSPECT_PAUSE = 0.1
"""Quiet by level after which a suspect is asked, seconds."""
FLOWING = 1.0
"""Seconds of speech without a final from which on a shorter dip than `early` is enough."""
SHORTEST_DIP = 0.02
"""Seconds: a frame."""
FRAMES_STOPPED = 0.1
"""Seconds without a frame after which no word is taken to go on."""


@dataclass(frozen=True, slots=True)
class FinalizeRules:
    """When to ask for a final. All in seconds."""

    early: float = 0.0
    """Quiet by level after which Finalize is sent; 0 = never."""
    flowing: float = 0.0
    """Seconds of speech without a final from which on the shortest dip in level will do; 0 = it must
    be `early` seconds long. The price: of people's prompts (8 minutes, words found by forced
    alignment) 6 % of the dips of 100 ms lie within a word, 11 % of those of 80 ms, 17 % of 60, 26 %
    of 40, 34 % of 20."""
    apart: float = 0.6
    """Least time between two of them: each cut costs the recogniser some context."""
    quiet: float = 1.0
    """Quiet, as the voice detector has it, after which a recogniser that has not answered is asked."""
    unanswered: float = 2.0
    """Wait for the answer. Nova's come within 0.3 s."""
    stuck: float = 10.0
    """Speech sent without an answer after which a stream is given up. Recorded nova streams answer
    every 5 s (p90), a second after the window's end."""
    overdue: float = 4.5
    """Age of speech without a final from which on it is recognised elsewhere: with a second for that,
    words are out within 6 s."""


class AskFinal(NamedTuple):
    """The feed is to send Finalize."""

    early: bool


class PassOver(NamedTuple):
    """What the stream has not answered below this sample is recognised elsewhere."""

    end: int


class GiveUp(NamedTuple):
    """The stream is to be replaced: it does not answer."""

    reason: str


Step = AskFinal | PassOver | GiveUp


class _Asked(NamedTuple):
    at: int
    """Middle of the quiet that made us ask, in samples."""
    when: float
    early: bool
    dip: bool
    """Asked while somebody spoke: the recogniser may keep the newest words for the next final."""


class Finalizing:
    """The finals of one leg's streams, one after another. Say what is heard (`frames`) and what
    comes (`result`), and do what `step` says until it says nothing."""

    def __init__(self, speech: SpeechMap, rules: FinalizeRules) -> None:
        self._speech = speech
        self._rules = rules
        self._quiet = Quiet(rules.early or SUSPECT_PAUSE)
        self._overdue = Overdue(speech, WORTH_AN_ANSWER, rules.overdue)
        self._pressing = False
        """Some of it soon is."""
        self._suspect = False
        self._asked: deque[_Asked] = deque(maxlen=16)
        """Finalizes without an answer, oldest first."""
        self._asked_when = -math.inf
        self.begin(speech.head)

    def begin(self, origin: int) -> None:
        """Another stream, which hears from sample `origin` on."""
        self._answered = origin
        """Everything sent below this sample has been answered by the stream."""
        self._covered = origin
        """Or passed over."""
        self._worded = False
        """An interim since the last answer had words."""
        self._asked.clear()
        self._asked_at = origin
        self._early = False
        """Whether the newest Finalize was an early one."""

    def frames(self, frames: Sequence[Frame]) -> bool:
        """New audio. True: a pause has begun, and `step` may want to ask."""
        quiet = self._quiet
        begun = False
        for frame in frames:
            begun = quiet.frame(frame.rms) or begun
        if begun:
            return self._eager
        return self._rules.flowing > 0 and quiet.seconds > 0 and self._dips(self._unasked())

    def result(self, result: Result) -> Result:
        """What the stream says, in the leg's samples. The answer to an early Finalize comes back as
        one that ends no turn; to another one, as one that does."""
        if not result.final:
            if result.text:
                self._worded = True
            elif not self._worded:
                self._answer(result.end)
            return result
        self._worded = self._suspect = False
        self._overdue.answered(self._covered)
        early = self._answer(result.end)
        if early is None and result.from_finalize and self._asked and self._asked[0].dip:
            early = self._asked.popleft().early
        if result.from_finalize:
            # None: a final that came unasked was taken for the answer, or it was given up.
            result = _ending(result, turn=not (self._early if early is None else early))
        return result

    def step(self, now: float, sent: int, heard: float) -> Step | None:
        """What is to be done. `sent` = first sample that the stream was not sent yet; `heard` =
        when the newest frame came. After `AskFinal`, say `asked`; the others need no answer."""
        spoken = self._speech.spoken
        share = 0.5 if self._suspect else 1.0
        while self._asked and now - self._asked[0].when > self._rules.unanswered * share:
            asked = self._asked.popleft()
            if spoken(self._covered, asked.at) >= WORTH_AN_ANSWER:
                self._covered = asked.at
                self._suspect = True
                return PassOver(asked.at)
        idle = max(0.0, now - heard)
        self._pressing = self._overdue.pressing(self._covered, idle)
        if (
            self._pressing
            and (border := self._overdue.border(self._covered, sent, idle)) is not None
        ):
            self._covered = border
            self._suspect = True
            return PassOver(border)
        waiting = spoken(self._answered, sent)
        if waiting > self._rules.stuck * RATE:
            self._suspect = True
            return GiveUp(f"no final for {waiting / RATE:.1f} s of speech")
        head = self._speech.head
        if head <= self._asked_at:
            return None
        ask = self._ask(now, heard, self._unasked())
        if ask is not None and sent < head:
            if self._suspect:
                self.asked(head, now, ask)
            return None
        return ask

    def asked(self, sent: int, now: float, ask: AskFinal) -> None:
        """Finalize was sent behind the sample before `sent`."""
        quiet = (
            int((self._rules.early or SUSPECT_PAUSE) * RATE)
            if ask.early
            else self._speech.quiet_for()
        )
        dip = ask.early and not self._quiet.now
        self._asked.append(_Asked(sent - quiet // 2, now, ask.early, dip))
        self._asked_at, self._asked_when, self._early = sent, now, ask.early

    def _ask(self, now: float, heard: float, waiting: int) -> AskFinal | None:
        if not waiting:
            return None
        if self._quiet.broken and now - heard < FRAMES_STOPPED:
            # Asked now, a recogniser makes half a word final. Soon the detector hears it, too.
            return None
        quiet = self._speech.quiet_for() / RATE + now - heard
        if quiet > (self._rules.quiet if waiting < LONG_UNANSWERED * RATE else SHORT_PAUSE):
            return AskFinal(early=False)
        if (
            self._eager
            and (self._quiet.now or self._dips(waiting))
            and waiting >= WORTH_AN_ANSWER
            and now - self._asked_when >= self._rules.apart
        ):
            return AskFinal(early=True)
        return None

    def _unasked(self) -> int:
        """Samples of speech that are not final, and that no Finalize has asked for."""
        return self._speech.spoken(max(self._covered, self._asked_at), self._speech.head)

    def _dips(self, waiting: int) -> bool:
        """So much speech waits that the dip in level at the head is enough."""
        early, flowing = self._rules.early, self._rules.flowing
        if not early or not flowing or waiting < FLOWING * RATE or not self._quiet.seconds:
            return False
        share = (flowing - waiting / RATE) / max(flowing - FLOWING, SHORTEST_DIP)
        return self._quiet.seconds >= max(SHORTEST_DIP, early * share) - SHORTEST_DIP / 2

    @property
    def _eager(self) -> bool:
        """The shortest pause is worth a Finalize."""
        return self._suspect or self._pressing or self._rules.early > 0

    def _answer(self, end: int) -> bool | None:
        """Everything below `end` is answered. Returns whether the newest Finalize that this answers
        was an early one; None = it answers none."""
        self._answered = max(self._answered, end)
        self._covered = max(self._covered, end)
        early = None
        while self._asked and self._speech.spoken(end, self._asked[0].at) < WORTH_AN_ANSWER:
            early = self._asked.popleft().early
        return early


def _ending(result: Result, *, turn: bool) -> Result:
    return result if result.speech_final == turn else replace(result, speech_final=turn)
