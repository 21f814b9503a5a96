"""A recogniser that behaves like a recorded nova session, of talks whose words it knows.

What it is modelled after is in `docs/interpreting.md` ("The model"). Interims: a word is wrong more
often the newer it is, and once right it stays right, so that about every fifth interim changes a word
of the one before; wrong words have a lower confidence as a rule. Finals are right. A final that is
given while the talker speaks gives up the newest words, which the next one has. When results come
(interims about once a second, finals after 3.4 to 5 s, at the end of a turn, as an answer to
Finalize) is up to `offline.session`, with `NOVA_TIMING`.
"""

from __future__ import annotations

import random
from bisect import bisect_left
from collections.abc import Callable, Sequence
from itertools import count

from translink.offline.engines.protocols import Heard
from translink.offline.engines.vad import EnergyVad
from translink.offline.session import ListenTiming
from translink.results import FRAME_BYTES, RATE
from translink.sim.talk.marks import Mark, mark_of
from translink.sim.talk.spelling import bare
from translink.sim.talk.words import TalkWord, TimedTalk

NOVA_TIMING = ListenTiming(
    interim=1.0,
    first_interim=0.5,
    min_endpointing=0.01,
    piece=3.4,
    piece_limit=5.0,
    empty_final=5.0,
    idle_timeout=12.0,
    interim_delay=0.1,
    final_delay=0.25,
    backlog_rate=1.25,
    backlog_slack=3.0,
    hold_final=True,
)

WRONG_BY_AGE = ((0.05, 0.30), (0.2, 0.18), (0.5, 0.15), (1.0, 0.09), (2.0, 0.04))
"""Seconds from a word's end to the window's, and how many such words are wrong; none that are older."""
GIVES_UP = (0.096, 2.1)
"""Median of the seconds that a final in mid-speech gives up, and σ of their logarithm: the p90 is
1.43 s."""
CONFIDENCES = ((0.0, 0.5), (0.5, 0.7), (0.7, 0.8), (0.8, 0.9), (0.9, 1.0))
OF_WRONG = (7, 8, 6, 2, 11)
OF_RIGHT = (4, 21, 25, 44, 271)
"""How many words of an interim have a confidence between these bounds."""

Committed = Callable[[int, int, int], None]
"""Called with every final with words: the talk's number, its first word's, one past its last's."""


class TalkRecognizer:
    """One stream. Which talk it hears, it learns from the marks in the sound."""

    def __init__(
        self,
        talks: Sequence[TimedTalk],
        chance: random.Random,
        committed: Committed,
        *,
        deaf: bool = False,
    ) -> None:
        """`deaf`: this one hears only silence, and need not look for marks."""
        self._talks = talks
        self._chance = chance
        self._committed = committed
        self._deaf = deaf
        self._vad = EnergyVad()
        self._samples = 0
        self._rest = b""
        self._talk: int | None = None
        self._origin = 0.0
        """Seconds of this stream at which the talk began."""
        self._unmarked = 0
        """Frames since the last mark."""
        self._next = 0
        """The first word that is not final."""
        self._live = False
        """Interims were wanted. A recording has none, and its finals give nothing up."""
        self._final_until = 0.0
        self._whims: dict[int, tuple[float, str, float, float]] = {}
        """Of each word that is not final: up to which share it is wrong, how, and its confidence
        when wrong and when right."""

    async def feed(self, pcm: bytes) -> None:
        data = self._rest + pcm
        whole = len(data) - len(data) % FRAME_BYTES
        self._rest = data[whole:]
        for at in range(0, whole, FRAME_BYTES):
            if not self._deaf:
                self._look(data, at)
            self._samples += FRAME_BYTES // 2
            self._vad.push(data[at : at + FRAME_BYTES])

    async def partial(self) -> tuple[Heard, ...]:
        self._live = True
        now = self._now
        found = []
        for number, word in self._pending():
            if word.start > now - _HEARD_OF_WORD:
                break
            wrong_below, other, if_wrong, if_right = self._whim(number)
            wrong = wrong_below < wrong_share(now - word.end)
            text, confidence = (other, if_wrong) if wrong else (word.text, if_right)
            found.append(self._heard(word, text, confidence, until=now))
        return tuple(found)

    async def finish(self) -> tuple[Heard, ...]:
        now = self._now
        until = now
        if self._vad.active and self._live:
            median, sigma = GIVES_UP
            until = now - median * self._chance.lognormvariate(0.0, sigma)
            ended = [word.end for _, word in self._pending(now)]
            if ended:
                # A final of a few words is none: what the session held, half of it at least.
                until = max(until, ended[len(ended) // 2])
        words = list(self._pending(until))
        if words and self._talk is not None:
            self._committed(self._talk, words[0][0], words[-1][0] + 1)
        found = tuple(
            self._heard(word, word.text, self._whim(number)[3], until=until)
            for number, word in words
        )
        self._next += len(words)
        for number, _ in words:
            self._whims.pop(number, None)
        if not self._vad.active:
            self._final_until = self._samples / RATE
        elif found:
            self._final_until = found[-1].end
        return found

    async def close(self) -> None:
        self._whims.clear()

    @property
    def _now(self) -> float:
        """Seconds of the talk that were heard."""
        return self._samples / RATE - self._origin

    def _pending(self, until: float | None = None) -> list[tuple[int, TalkWord]]:
        """Words that are not final, as far as they ended by `until`, with their numbers."""
        if self._talk is None:
            return []
        words = self._talks[self._talk].words
        end = len(words) if until is None else bisect_left(words, until, key=lambda word: word.end)
        return [(number, words[number]) for number in range(self._next, min(end, self._next + 200))]

    def _heard(self, word: TalkWord, text: str, confidence: float, *, until: float) -> Heard:
        start = max(word.start + self._origin, self._final_until)
        end = max(start, min(word.end, until) + self._origin)
        return Heard(text, start, end, confidence)

    def _whim(self, number: int) -> tuple[float, str, float, float]:
        if number not in self._whims:
            # Words go wrong in pairs: by itself each would change more interims than recorded.
            before = self._whims.get(number - 1) if number % 2 else None
            self._whims[number] = (
                before[0] if before else self._chance.random(),
                self._other(number),
                self._confidence(OF_WRONG),
                self._confidence(OF_RIGHT),
            )
        return self._whims[number]

    def _other(self, number: int) -> str:
        """Another word of the talk in its place."""
        assert self._talk is not None
        words = self._talks[self._talk].words
        right = words[number].text
        for _ in range(20):
            other = self._chance.choice(words).text
            if bare(other) != bare(right):
                return other
        return f"un{right}"

    def _confidence(self, weights: Sequence[int]) -> float:
        low, high = self._chance.choices(CONFIDENCES, weights)[0]
        return self._chance.uniform(low, high)

    def _look(self, data: bytes, at: int) -> None:
        """Find the mark of a frame."""
        mark = mark_of(data[at : at + FRAME_BYTES])
        if mark is not None:
            self._place(mark, self._samples)
            return
        self._unmarked += 1
        if self._unmarked % _LOOK_EVERY:
            return
        # Frames may begin elsewhere, as after a datagram that was lost.
        for off in range(2, FRAME_BYTES, 2):
            mark = mark_of(data[at + off : at + off + FRAME_BYTES])
            if mark is not None and mark.talk < len(self._talks):
                self._place(mark, self._samples + off // 2)
                return

    def _place(self, mark: Mark, sample: int) -> None:
        if mark.talk >= len(self._talks):
            return
        self._unmarked = 0
        began = mark.frame * FRAME_BYTES / 2 / RATE
        self._origin = sample / RATE - began
        if self._talk != mark.talk:
            self._talk = mark.talk
            words = self._talks[mark.talk].words
            # From the first sample on, not from this mark: a recording may begin within a frame, and
            # its first mark is then found half a second later.
            self._next = bisect_left(words, max(0.0, -self._origin), key=lambda word: word.start)


class TalkRecognizers:
    """Makes a recogniser for each stream."""

    name = "talk"

    def __init__(
        self, talks: Sequence[TimedTalk], languages: frozenset[str], seed: int, committed: Committed
    ) -> None:
        """Talkers speak `en`; legs of other languages only listen."""
        self._talks = talks
        self._languages = languages
        self._committed = committed
        self._seeds = (f"{seed}:{number}" for number in count())

    def languages(self) -> frozenset[str]:
        return self._languages

    async def open(self, language: str) -> TalkRecognizer:
        chance = random.Random(next(self._seeds))
        return TalkRecognizer(self._talks, chance, self._committed, deaf=language != "en")


def wrong_share(age: float) -> float:
    """How many words of an interim are wrong that ended so many seconds before its window did."""
    for limit, share in WRONG_BY_AGE:
        if age <= limit:
            return share
    return 0.0


_HEARD_OF_WORD = 0.1
"""Seconds that must have been heard of a word before it stands in an interim."""
_LOOK_EVERY = 25
"""Frames without a mark, as in a pause made by the server, between two looks at all places."""
