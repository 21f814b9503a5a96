"""Which workers are taken to hang."""

from __future__ import annotations

from translink.workers.silence import HANGS_AFTER, SILENCE_LOOK, Silence


def looked_at(silence: Silence, start: float, seconds: float, *speaking: str) -> list[str]:
    """The workers found to hang in that time, while `speaking` say something at every look."""
    found: list[str] = []
    now = start
    while now < start + seconds:
        now += SILENCE_LOOK
        for name in speaking:
            silence.heard(name, now)
        found += silence.overdue(["w1", "w2"], now)
    return found


def test_one_that_says_nothing_any_more_hangs_and_is_named_once() -> None:
    silence = Silence()
    silence.heard("w1", 0.0)
    silence.heard("w2", 0.0)
    assert looked_at(silence, 0.0, HANGS_AFTER - SILENCE_LOOK, "w2") == []
    assert looked_at(silence, HANGS_AFTER - SILENCE_LOOK, HANGS_AFTER, "w2") == ["w1"]
    silence.heard("w1", 2 * HANGS_AFTER)  # the next process there
    assert looked_at(silence, 2 * HANGS_AFTER, HANGS_AFTER - SILENCE_LOOK, "w2") == []


def test_one_that_has_not_served_yet_does_not_hang() -> None:
    assert looked_at(Silence(), 0.0, 3 * HANGS_AFTER, "w2") == []


def test_nobody_hangs_because_we_stood_still_ourselves() -> None:
    silence = Silence()
    silence.heard("w1", 0.0)
    silence.heard("w2", 0.0)
    assert looked_at(silence, 0.0, 5.0, "w1", "w2") == []
    assert silence.overdue(["w1", "w2"], 5.0 + 10 * HANGS_AFTER) == []
    assert looked_at(silence, 5.0 + 10 * HANGS_AFTER, HANGS_AFTER, "w1") == ["w2"]
