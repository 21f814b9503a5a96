"""Where the time went between a talker's last sound and the first sound of the translation.

The stages are those of `observe.stages`; own time, providers' time and waiting for the ear are never
put together. Means, so that the parts add up to the whole.
"""

from __future__ import annotations

from collections.abc import Iterator

from translink.observe.postmortem.finding import Cause, DelayPart
from translink.observe.record import CallRecord, StageFigures

NO_STAGE = StageFigures(0, 0.0, 0.0, 0.0, 0.0)
PARTS_OF_DELAY = (
    ("recognition", "speech_to_final"),
    ("waiting for the sentence's end", "commit_wait"),
    ("translation", "translate"),
    ("voice", "request_to_audio"),
    ("translink", "own"),
    ("waiting for the ear", "queued"),
)
OWNERS_OF_PARTS = ("provider", "policy", "provider", "provider", "own", "talker")
LONG_DELAY = 4.0
"""Seconds from mouth to ear, for one in twenty segments, that a conversation bears badly."""
SLOW_OWN = 0.05
"""Seconds of our own, for one in twenty segments; a millisecond is usual."""
FAR_BEHIND = 8.0
ADVICE = {
    "recognition": "the recogniser ends sentences late: look at deepgram.endpointing and at the failovers below",
    "waiting for the sentence's end": "lower segment.max_wait or segment.max_hold: shorter segments, sooner",
    "translation": "look at the translator's status page; a second vendor in `translate` takes over when it fails",
    "voice": "look at the voice's status page, or put a quicker vendor first in `speak`",
    "translink": "this machine has too little time: see the load, and raise its processors or set pressure.max_calls",
    "waiting for the ear": "the talker spoke faster than the ear was spoken to: raise lag.fastest, or set "
    "lag.ask_for_pause so that talkers are asked to wait",
}


def delay_parts(record: CallRecord) -> list[DelayPart]:
    """The parts, on the way of a word; empty when nothing was heard."""
    stages = record.stages
    heard = stages.get("mouth_to_ear", NO_STAGE).count
    if not heard:
        return []
    found = []
    for (part, stage), owner in zip(PARTS_OF_DELAY, OWNERS_OF_PARTS, strict=True):
        figures = stages.get(stage, NO_STAGE)
        # Each segment that was heard has either a time of our own or one in the queue.
        count = heard if stage in ("own", "queued") else figures.count
        mean = figures.total_s / count if count else 0.0
        found.append((part, owner, mean, figures.p95_ms / 1000 if figures.count else None))
    total = sum(mean for _, _, mean, _ in found) or 1.0
    return [
        DelayPart(part, owner, round(mean, 3), p95, round(mean / total, 3))
        for part, owner, mean, p95 in found
    ]


def causes_of_delay(record: CallRecord) -> Iterator[Cause]:
    """What was too slow."""
    whole = record.stages.get("mouth_to_ear", NO_STAGE)
    parts = delay_parts(record)
    if parts and whole.p95_ms / 1000 > LONG_DELAY:
        worst = max(parts, key=lambda part: part.seconds)
        figures = {"p50_ms": whole.p50_ms, "p95_ms": whole.p95_ms, "max_ms": whole.max_ms}
        yield Cause(
            "bad" if whole.p50_ms / 1000 > LONG_DELAY else "warn",
            "delay",
            "late",
            None,
            f"one in twenty segments came {whole.p95_ms / 1000:.1f} s after its last sound or later; most of "
            f"the time ({worst.seconds:.2f} s of {sum(p.seconds for p in parts):.2f} s in the mean) was {worst.part}",
            ADVICE[worst.part],
            {**figures, "part": worst.part, "owner": worst.owner},
        )
    own = record.stages.get("own", NO_STAGE)
    if own.p95_ms / 1000 > SLOW_OWN:
        yield Cause(
            "warn",
            "machine",
            "slow_machine",
            None,
            f"translink itself took {own.p95_ms:.0f} ms for one in twenty segments",
            ADVICE["translink"],
            {"p95_ms": own.p95_ms, "max_ms": own.max_ms},
        )
    for leg, line in record.lines.items():
        if line.behind_max_s > FAR_BEHIND:
            yield Cause(
                "warn",
                "delay",
                "far_behind",
                leg,
                f"its ear was up to {line.behind_max_s:.1f} s behind ({line.behind_p95_s:.1f} s for 5 % of the time)",
                ADVICE["waiting for the ear"],
                {"max_s": line.behind_max_s, "p95_s": line.behind_p95_s},
            )
