"""What is said of a run: what left the mouths beside what came to the ears. Pure.

EVS (ear-voice span): from the last sample of a word leaving the talker's socket to the first datagram
of its translation at the listener's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean

from translink.sim.report import Percentiles, percentiles
from translink.sim.talk.chords import WRONG_NUMBER
from translink.sim.talk.engines import CommittedWords, TranslationRequest, VoiceRequest
from translink.sim.talk.spelling import bare
from translink.sim.talk.split import PROVIDERS, means, spans
from translink.text.sentences import ends_clause, ends_sentence

LOST_WORDS_SHOWN = 50
EAR_IDLE = 0.5
"""Seconds after its last word began to be heard that an ear counts as idle."""


@dataclass(frozen=True, slots=True)
class HeardTalk:
    """One talker's words on their way to the other's ear. Times are monotonic seconds."""

    said: Mapping[int, float]
    """Word to when its last sample left."""
    heard: Sequence[tuple[int, float]]
    """Word and when its first datagram came, in order."""
    segments: Sequence[str]
    """Texts, as the server's events have them."""
    translations: Sequence[TranslationRequest] = ()
    voices: Sequence[VoiceRequest] = ()
    finals: Sequence[CommittedWords] = ()


@dataclass(slots=True)
class TalkFigures:
    """Of all directions of a run together. Seconds where nothing else is said."""

    words_said: int = 0
    words_lost: int = 0
    lost: list[tuple[int, int]] = field(default_factory=list)
    """Of them the first `LOST_WORDS_SHOWN`: talker, word, both from 0. To be looked for in the log and the WAVs."""
    words_doubled: int = 0
    """Hearings after the first one."""
    words_revised: int = 0
    """Heard, but taken back: words of an interim that no final has."""
    words_out_of_order: int = 0
    sentences_never_said: int = 0
    """Segments of which no word was heard."""
    evs: Percentiles = field(default_factory=dict)
    growth: float | None = None
    """Seconds by which EVS grows in a minute: the mean of the directions' regressions."""
    word_to_request: Percentiles = field(default_factory=dict)
    segments: int = 0
    segments_a_minute: float | None = None
    words_a_segment: float | None = None
    ends_at_clause: float | None = None
    """Share of the segments."""
    ends_on_function_word: float | None = None
    providers: dict[str, Percentiles] = field(default_factory=dict)
    """Their time: `word_to_final` (from a word's end to its final leaving the recogniser),
    `translate`, `first_sound`."""
    final_to_request: Percentiles = field(default_factory=dict)
    """Our time: from a final that was sent to the request for its translation, waiting included."""

    evs_mean: dict[str, dict[str, float]] = field(default_factory=dict)
    """Where the mean EVS went (`split`): `providers`' parts, `ours`, and `said`, the translation's own
    words before this one. Their sum is the mean EVS."""
    clause_to_sound: Percentiles = field(default_factory=dict)
    """From the end of a segment's last word to its translation's first sound, where the ear was
    idle: own and providers' time together."""

    @property
    def sound(self) -> bool:
        """Nothing was lost, doubled, out of order or taken back."""
        wrong = self.words_lost + self.words_doubled + self.words_out_of_order
        return self.words_said > 0 and not wrong and not self.words_revised


def measure(directions: Sequence[HeardTalk], minutes: float, final_delay: float) -> TalkFigures:
    """All figures. `minutes`: how long each talk was; `final_delay`: seconds from a final's being
    made to its being sent."""
    figures = TalkFigures()
    all_spans: list[float] = []
    growths: list[float] = []
    to_request: list[float] = []
    to_final: list[float] = []
    waits: list[float] = []
    split: list[dict[str, float]] = []
    idle: list[float] = []
    for talker, way in enumerate(directions):
        first = _count(way, figures)
        missing = [(talker, number) for number in sorted(way.said) if number not in first]
        figures.words_lost += len(missing)
        figures.lost += missing[: LOST_WORDS_SHOWN - len(figures.lost)]
        split += spans(way, first, final_delay)
        idle += _clauses_at_an_idle_ear(way, first)
        span = [(way.said[number], at - way.said[number]) for number, at in first.items()]
        all_spans += (evs for _, evs in span)
        slope = _slope(span)
        growths += [60 * slope] if slope is not None else []
        asked = {n: each.at for each in reversed(way.translations) for n in each.numbers}
        final = {
            n: f.at + final_delay for f in reversed(way.finals) for n in range(f.first, f.last)
        }
        to_request += (asked[n] - at for n, at in way.said.items() if n in asked)
        to_final += (final[n] - at for n, at in way.said.items() if n in final)
        waits += (asked[n] - final[n] for n in way.said if n in final and n in asked)
        figures.sentences_never_said += sum(
            not any(number in first for number in each.numbers) for each in way.translations
        )
    figures.evs = percentiles(all_spans)
    figures.clause_to_sound = percentiles(idle)
    mean = means(split)
    figures.evs_mean = {
        "providers": {part: mean[part] for part in mean if part in PROVIDERS},
        "ours": {part: mean[part] for part in mean if part not in PROVIDERS | {"said"}},
        "said": {part: mean[part] for part in mean if part == "said"},
    }
    figures.growth = round(fmean(growths), 3) if growths else None
    figures.word_to_request = percentiles(to_request)
    figures.final_to_request = percentiles(waits)
    figures.providers = {
        "word_to_final": percentiles(to_final),
        "translate": percentiles(t.took for way in directions for t in way.translations),
        "first_sound": percentiles(v.first_sound for way in directions for v in way.voices),
    }
    _segments(
        figures, [text for way in directions for text in way.segments], len(directions) * minutes
    )
    return figures


def ends_on_function_word(text: str) -> bool:
    """English only: the last word is an article, a preposition or the like, and no mark follows."""
    last = text.split()[-1:]
    return bool(last) and last[0][-1:].isalnum() and bare(last[0]) in LINKING_WORDS


def ends_at_clause(text: str) -> bool:
    """With the mark of a clause or of a sentence."""
    last = text.split()[-1:]
    return bool(last) and (ends_clause(last[0]) or ends_sentence(last[0]))


def _count(way: HeardTalk, figures: TalkFigures) -> dict[int, float]:
    """Each word's first hearing."""
    heard: Counter[int] = Counter()
    first: dict[int, float] = {}
    newest = -1
    for number, at in way.heard:
        if number == WRONG_NUMBER or number not in way.said:
            figures.words_revised += 1
            continue
        heard[number] += 1
        if heard[number] > 1:
            figures.words_doubled += 1
            continue
        first[number] = at
        figures.words_out_of_order += number < newest
        newest = max(newest, number)
    figures.words_said += len(way.said)
    return first


def _clauses_at_an_idle_ear(way: HeardTalk, first: Mapping[int, float]) -> list[float]:
    """Of each segment that ends at a clause and that came to an idle ear: from its last word's end to
    its first sound."""
    found = []
    ended = float("-inf")
    for each in way.translations:
        heard = [first[number] for number in each.numbers if number in first]
        if not heard:
            continue
        if each.at >= ended + EAR_IDLE and ends_at_clause(each.text):
            found.append(min(heard) - max(way.said[n] for n in each.numbers if n in first))
        ended = max(heard)
    return found


def _segments(figures: TalkFigures, texts: Sequence[str], minutes: float) -> None:
    figures.segments = len(texts)
    if not texts:
        return
    figures.segments_a_minute = round(len(texts) / minutes, 1) if minutes else None
    figures.words_a_segment = round(fmean(len(text.split()) for text in texts), 2)
    figures.ends_at_clause = round(fmean(map(ends_at_clause, texts)), 3)
    figures.ends_on_function_word = round(fmean(map(ends_on_function_word, texts)), 3)


def _slope(points: Iterable[tuple[float, float]]) -> float | None:
    """Of the line of least squares; None where there is none."""
    points = list(points)
    if len(points) < 2:
        return None
    x, y = (fmean(each) for each in zip(*points, strict=True))
    square = sum((at - x) ** 2 for at, _ in points)
    return sum((at - x) * (value - y) for at, value in points) / square if square else None


_LINKING = """
    a an the this that these those my your his her its our their some any no every each of in on at
    to for with from by about into onto over under between through during than as and or but nor so
    because if when while whether although though unless until since where which who whom whose
    what how is are was were be been being am do does did have has had will would shall should can
    could may might must not very just i'm you're we're they're it's that's there's i've we've
    you've they've i'll we'll you'll they'll i you he she we they it
"""
LINKING_WORDS = frozenset(_LINKING.split())
"""Words after which a clause goes on."""
