"""A comparison as text for a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from translink.errors import legible

if TYPE_CHECKING:
    from translink.replay.compare import DelayComparison, LegComparison, WordComparison
    from translink.replay.run import Replayed


def lines_of(found: Replayed) -> Iterator[str]:
    """Line by line, without line ends; what was said moves no cursor."""
    return map(legible, _lines(found))


def _lines(found: Replayed) -> Iterator[str]:
    yield f"{found.recording}: call {found.call}, {found.seconds:.0f} s, through today's settings"
    for leg in found.legs:
        yield from _leg(leg)
    if found.incomplete:
        yield f"the recording is not whole: {found.incomplete}"
    yield "The words are the same." if found.same else "Words differ."


def _leg(leg: LegComparison) -> Iterator[str]:
    yield from _words(f"leg {leg.leg} said", leg.said)
    yield from _words("  translated", leg.translated)
    yield f"  first sound after the last of a segment: {_delays(leg.delay)}"


def _words(what: str, words: WordComparison) -> Iterator[str]:
    apart = ""
    if words.shift_p50_s is not None:
        apart = f", {words.shift_p50_s:.2f} s apart (median), {words.shift_max_s:.2f} s at most"
    yield f"{what}: {words.then} words then, {words.now} now, {words.same} the same{apart}"
    for each in words.differences:
        yield f'    at {each.at_s:.1f} s: then "{each.then}", now "{each.now}"'
    if words.unshown:
        yield f"    and {words.unshown} more"


def _delays(delay: DelayComparison) -> str:
    parts = (
        ("then", delay.then_p50_s, delay.then_p95_s),
        ("now", delay.now_p50_s, delay.now_p95_s),
    )
    return ", ".join(
        f"{when} nothing was spoken"
        if median is None
        else f"{when} {median:.2f} s (median), {late:.2f} s (95 %)"
        for when, median, late in parts
    )
