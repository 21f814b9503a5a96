"""What came of two callers' talk, in figures: from their ears, from the events, from the server's
own counters."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypedDict

from rich.table import Table

from translink.callers.ear import percentile

if TYPE_CHECKING:
    from rich.console import Console

    from translink.callers.caller import Said, Sent
    from translink.callers.captions import Side
    from translink.callers.dialogue import DialogueLine
    from translink.callers.ear import EarCheck

LEAST_SOUND = 0.5
"""Seconds of sound an ear must have heard for a direction to count as working."""
LEAST_RMS = 100.0
"""And how loud: -50 dBFS. Speech engines are at -20."""


@dataclass(frozen=True, slots=True)
class TalkDirection:
    """One talker and the ear of the other."""

    leg: str
    said: Sequence[tuple[Said, DialogueLine]]
    sent: Sent
    heard: EarCheck
    """The other caller's."""
    side: Side


class Milliseconds(TypedDict):
    """Percentiles of one stage, in milliseconds."""

    count: int
    p50: float
    p95: float
    max: float


class DirectionSummary(TypedDict):
    """What one caller said, and what the other one heard of it."""

    said: int
    """Lines."""
    understood: int
    """Segments of final text."""
    word_for_word: int
    """Lines that came as a segment of the very same words."""
    translated: int
    untranslated: int
    heard: int
    """Translations that were played while sound reached the other one's ear."""
    heard_seconds: float
    heard_rms: float
    sentence_to_sound_ms: Milliseconds
    """From the last sound of a line to the first sound of its translation in the other's ear; only
    of lines whose translation came before the next line was over, or they could not be matched
    apart."""
    datagrams_sent: int
    datagrams_heard: int
    gaps: int
    jitter_p99_ms: float
    ok: bool


class Losses(TypedDict):
    """What went missing; 0 is what should be."""

    datagrams_in: int
    """Sent by a caller and not counted by the server."""
    datagrams_out: int
    """Sent by the server and not heard by a caller."""
    drops: int
    """The server's own: kernel, mailbox, playout."""
    events: int
    """Times the server reported lost speech."""
    lines: int
    """Lines that were said and not understood, or not translated. At least: a line that came as two
    segments can hide one that did not come."""
    total: int


class Summary(TypedDict):
    """The contents of `summary.json`."""

    ok: bool
    """Each heard the other's words translated."""
    seconds: float
    directions: dict[str, DirectionSummary]
    losses: Losses
    stages_ms: dict[str, Any]
    """The server's own histograms; see `translink.observe.stages`."""


def summarise(
    directions: Sequence[TalkDirection], stats: Mapping[str, Any], *, losses: int, seconds: float
) -> Summary:
    """Put everything together.

    Args:
        directions: both.
        stats: the server's `/api/stats`.
        losses: how many `loss` events there were.
        seconds: how long it all took.
    """
    done = {each.leg: _direction(each) for each in directions}
    return Summary(
        ok=all(each["ok"] for each in done.values()),
        seconds=round(seconds, 1),
        directions=done,
        losses=_losses(directions, stats, losses),
        stages_ms=dict(stats.get("stages_ms") or {}),
    )


def tell(console: Console, summary: Summary) -> None:
    """Print the summary for people."""
    table = Table(title="What was said and heard; ms from the end of a line to its translation")
    for name in ("speaker", "said", "understood", "translated", "heard", "sound", "p50", "p95"):
        table.add_column(name, justify="right")
    for leg, each in summary["directions"].items():
        delay = each["sentence_to_sound_ms"]
        row = (each["said"], each["understood"], each["translated"], each["heard"])
        figures = (f"{delay['p50']:.0f}", f"{delay['p95']:.0f}") if delay["count"] else ("-", "-")
        table.add_row(leg, *map(str, row), f"{each['heard_seconds']:.1f} s", *figures)
    console.print(table)
    stages = {name: ms for name, ms in summary["stages_ms"].items() if isinstance(ms, dict)}
    if stages:
        table = Table(title="Each stage, ms, by the server")
        for name in ("stage", "count", "p50", "p95"):
            table.add_column(name, justify="left" if name == "stage" else "right")
        for name, ms in stages.items():
            shown = (f"{ms[key]:.1f}" if key in ms else "-" for key in ("p50", "p95"))
            table.add_row(name, str(ms.get("count", "-")), *shown)
        console.print(table)
    lost = summary["losses"]
    counts = ", ".join(f"{name} {count}" for name, count in lost.items() if name != "total")
    console.print(f"losses = {lost['total']} ({counts})", highlight=False, soft_wrap=True)
    for leg, each in summary["directions"].items():
        missed = each["said"] - each["understood"]
        if missed > 0:
            lines = "1 line was" if missed == 1 else f"{missed} lines were"
            console.print(f"Of {leg}, {lines} not understood.", style="yellow", highlight=False)
        if each["untranslated"]:
            sentence = f"{each['untranslated']} of what {leg} said was not translated."
            console.print(sentence, style="yellow", highlight=False)
        if not each["ok"]:
            console.print(f"No translation of {leg} was heard.", style="red", highlight=False)


def _exact(each: TalkDirection) -> int:
    came = Counter(_letters(caption.text) for caption in each.side.captions)
    said = Counter(_letters(line.text) for _, line in each.said)
    return (came & said).total()


def _letters(text: str) -> str:
    return "".join(letter for letter in text.casefold() if letter.isalnum())


def _direction(each: TalkDirection) -> DirectionSummary:
    delays = _delays(each)
    loudest = max((burst.rms for burst in each.heard.bursts), default=0.0)
    return DirectionSummary(
        said=len(each.said),
        understood=each.side.segments,
        word_for_word=_exact(each),
        translated=each.side.translations,
        untranslated=each.side.failures,
        heard=each.side.spoken if each.heard.bursts else 0,
        heard_seconds=round(each.heard.sound_seconds, 2),
        heard_rms=round(loudest),
        sentence_to_sound_ms=Milliseconds(
            count=len(delays),
            p50=round(1000 * percentile(delays, 0.50)),
            p95=round(1000 * percentile(delays, 0.95)),
            max=round(1000 * max(delays, default=0.0)),
        ),
        datagrams_sent=each.sent.datagrams,
        datagrams_heard=each.heard.datagrams,
        gaps=each.heard.gaps,
        jitter_p99_ms=round(each.heard.deviation_ms(0.99), 2),
        ok=(
            each.side.translations > 0
            and each.heard.sound_seconds >= LEAST_SOUND
            and loudest >= LEAST_RMS
        ),
    )


def _delays(each: TalkDirection) -> list[float]:
    """Seconds from the end of each line to the first burst that begins after it and before the next
    one's end.

    A translation that begins while its sentence is still being said counts with the sentence's end,
    as 0 or less never; one that is put off by an earlier translation counts as late as it is.
    """
    ends = [when.ended for when, _ in each.said]
    delays = []
    for at, end in enumerate(ends):
        until = ends[at + 1] if at + 1 < len(ends) else float("inf")
        first = next((b.began for b in each.heard.bursts if end <= b.began < until), None)
        if first is not None:
            delays.append(first - end)
    return delays


def _losses(directions: Sequence[TalkDirection], stats: Mapping[str, Any], events: int) -> Losses:
    legs: Mapping[str, Any] = stats.get("legs") or {}
    missing_in = missing_out = drops = lines = 0
    sent_to = dict(zip((d.leg for d in directions), reversed(directions), strict=True))
    for each in directions:
        counters: Mapping[str, Any] = legs.get(each.leg) or {}
        missing_in += max(0, each.sent.datagrams - int(counters.get("datagrams_in", 0)))
        # What a leg's ear was sent is what the other direction's recording has.
        heard = sent_to[each.leg].heard.datagrams
        missing_out += max(0, int(counters.get("datagrams_out", 0)) - heard)
        drops += sum(int(counters.get(name, 0)) for name in _DROPS)
        lines += max(0, len(each.said) - each.side.segments) + each.side.failures
    return Losses(
        datagrams_in=missing_in,
        datagrams_out=missing_out,
        drops=drops,
        events=events,
        lines=lines,
        total=missing_in + missing_out + drops + events + lines,
    )


_DROPS = ("drops_kernel", "drops_ring", "drops_playout")
