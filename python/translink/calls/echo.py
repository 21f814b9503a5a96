"""On a speakerphone the translation comes back through the microphone. What of it is not translated.

The engine knows the echo by its sound (`Frame.echo`); there the recogniser hears silence
(`WithoutEcho`, `recognition.feed`). What was sent before the echo was known, or slipped through, is
found by its words: a final that repeats what the ear was just played is not translated
(`EchoedWords`).

A talker is never muted: only runs of words that the ear was played in the same order, at a time at
which they may come back, are taken out, and only while the engine knows an echo. Once it does, its
verdict comes first: where it heard more than the echo, the words are the talker's own, even if they
repeat what they heard. Without an echo that the engine knows (it takes 1 to 2.5 s of sound), a final
is one only if it is word for word the utterance that is being heard, at the same time.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from typing import TYPE_CHECKING, Protocol

from translink.results import Result

if TYPE_CHECKING:
    from translink._core import Frame
    from translink.calls.hearing import Hearing
    from translink.recognition.speech_map import SpeechMap

LATEST = 1.0
"""Seconds after its lag at which words of an echo may still be heard: reverberation, and times of
words that are not exact."""
FEWEST_WORDS = 4
FEWEST_LETTERS = 14
"""Of a run within a final that is not all echo. Shorter ones are said by chance."""
ALIKE = 0.5
"""How like each other two words are of which one is the other, misheard."""
SHADOWED_WORDS = 3
"""Fewest words of an utterance that comes back at once as a whole: fewer are said by chance, as in
`Yes.` and `Yes.`"""
SAME_SHARE = 0.85
"""Share of words that are the same in two texts that are taken for one."""
VOICE_MARGIN = 0.3
"""Seconds of silence that a voice may have before its first word and behind its last."""
OWN_SHARE = 0.5
"""Share of speech, as the engine heard it beside the echo, above which words are the talker's own."""


class Ledger(Protocol):
    """A leg's audio by absolute sample number."""

    def history(self, start: int, end: int, *, without_echo: bool = False) -> tuple[int, bytes]:
        """As `MediaLeg.history`."""


class WithoutEcho:
    """A leg's audio as a recogniser is to hear it: silence where it was only echo."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def history(self, start: int, end: int) -> tuple[int, bytes]:
        """(first sample still there, bytes) of [start, end)."""
        return self._ledger.history(start, end, without_echo=True)


@dataclass(frozen=True, slots=True)
class _Run:
    """Words of a final that were played, [first, last)."""

    first: int
    last: int


class EchoedWords:
    """Takes the words of an echo out of one talker's finals."""

    def __init__(self, hearing: Hearing, speech: SpeechMap) -> None:
        """`hearing` = the talker's own, `speech` = where they speak."""
        self._hearing = hearing
        self._speech = speech
        self._known_from: int | None = None
        """Sample from which on the engine marked the echo; None: there is none, or not yet."""

    def frames(self, frames: Sequence[Frame]) -> None:
        """Note from which of these new frames on the echo is marked."""
        if self._known_from is None:
            for frame in frames:
                if frame.echo:
                    self._known_from = frame.start
                    return

    def split(self, final: Result) -> tuple[Result, str]:
        """The final without what is echo, and that."""
        if not final.text:
            return final, ""
        lag = self._hearing.echo()
        if not lag:
            self._known_from = None
            if lag is None:
                return final, ""
            return (
                (replace(final, text="", words=()), final.text)
                if self._shadows(final)
                else (final, "")
            )
        played = " ".join(
            each.text for each in self._hearing.played.between(*self._played_when(final, lag))
        )
        if not played:
            return final, ""
        texts = [word.text for word in final.words] or final.text.split()
        echoed = [False] * len(texts)
        for run in _runs(texts, played):
            if not self._is_own(final, run):
                echoed[run.first : run.last] = [True] * (run.last - run.first)
        if not any(echoed):
            return final, ""
        if not final.words and not all(echoed):
            return final, ""
        own = [text for text, gone in zip(texts, echoed, strict=True) if not gone]
        words = tuple(w for w, gone in zip(final.words, echoed, strict=False) if not gone)
        echo = [text for text, gone in zip(texts, echoed, strict=True) if gone]
        return replace(final, text=" ".join(own), words=words), " ".join(echo)

    def _shadows(self, final: Result) -> bool:
        """Whether it is word for word what the ear is played, and at the same time: too short for the
        engine to know an echo by its sound, and nothing that people do."""
        if len(final.words) < SHADOWED_WORDS:
            return False
        began = self._speech.captured(final.words[0].start + 1)
        ended = self._speech.captured(final.words[-1].end)
        if not began or not ended:
            return False
        heard = _tokens(final.text)
        return any(
            said.began <= began <= said.began + LATEST + VOICE_MARGIN
            and began < ended - VOICE_MARGIN <= said.ended + LATEST
            and began < min(said.ended, ended) - (ended - began) / 2
            and SequenceMatcher(None, heard, _tokens(said.text), autojunk=False).ratio()
            >= SAME_SHARE
            for said in self._hearing.played.between(began - LATEST - VOICE_MARGIN, began)
        )

    def _played_when(self, final: Result, lag: float) -> tuple[float, float]:
        """Between which times the ear was played what may come back in this final."""
        end = self._speech.captured(min(final.end, self._speech.head)) or final.received
        start = self._speech.captured(final.start + 1) or end - 10.0
        return start - lag - LATEST, end - lag

    def _is_own(self, final: Result, run: _Run) -> bool:
        """Whether the engine heard more than the echo there."""
        if not final.words or self._known_from is None:
            return False
        start, end = final.words[run.first].start, final.words[run.last - 1].end
        if start < self._known_from or end <= start:
            return False
        return self._speech.spoken(start, end) >= OWN_SHARE * (end - start)


def _runs(texts: Sequence[str], played: str) -> list[_Run]:
    """Runs of words that were played in the same order; a word in the midst of one, or at its end, may
    be misheard."""
    heard, owner = [], []
    for place, text in enumerate(texts):
        for token in _tokens(text):
            heard.append(token)
            owner.append(place)
    known = _tokens(played)
    spans: list[list[int]] = []  # first and last in heard, first and last in known
    for here, there, size in SequenceMatcher(
        None, heard, known, autojunk=False
    ).get_matching_blocks():
        if not size:
            continue
        if spans and here - spans[-1][1] <= 1 and there - spans[-1][3] <= 1:
            spans[-1][1], spans[-1][3] = here + size, there + size
        else:
            spans.append([here, here + size, there, there + size])
    runs = []
    for first, last, at, to in spans:
        if first and at and _alike(heard[first - 1], known[at - 1]):
            first, at = first - 1, at - 1
        if last < len(heard) and to < len(known) and _alike(heard[last], known[to]):
            last, to = last + 1, to + 1
        whole = first == 0 and last == len(heard)
        letters = sum(map(len, heard[first:last]))
        if whole or (last - first >= FEWEST_WORDS and letters >= FEWEST_LETTERS):
            runs.append(_Run(owner[first], owner[last - 1] + 1))
    return runs


def _alike(one: str, other: str) -> bool:
    return SequenceMatcher(None, one, other, autojunk=False).ratio() >= ALIKE


def _tokens(text: str) -> list[str]:
    """Words without marks, in small letters; of scripts that write none apart, their characters."""
    return _ECHO_TOKEN.findall(text.casefold())


_ECHO_TOKEN = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]|[^\W_\u3040-\u30ff\u3400-\u9fff]+")
