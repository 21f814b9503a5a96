"""The collector leaves alone what stays, and is watched."""

from __future__ import annotations

import gc

from translink.process.collector import Pauses


def test_what_was_there_before_is_looked_at_no_more_and_pauses_are_counted() -> None:
    pauses = Pauses()
    pauses.watch()
    try:
        assert gc.get_freeze_count() > 10_000
        gc.collect()
        gc.collect(0)
        summary = pauses.summary()
        assert summary["count"] == 2
        assert 0 < summary["longest_ms"] <= summary["total_ms"]
    finally:
        pauses.close()
    pauses.close()
    assert gc.get_freeze_count() == 0
    gc.collect()
    assert pauses.summary() == summary
