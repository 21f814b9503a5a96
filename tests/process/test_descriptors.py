"""Few descriptors are told before a call lacks one."""

from __future__ import annotations

import resource

import pytest

from translink.process.descriptors import descriptor_shortage, descriptors_needed


@pytest.mark.parametrize(
    ("hard", "legs", "short"),
    [(64, 2, True), (325, 2, True), (326, 2, False), (resource.RLIM_INFINITY, 10_000, False)],
)
def test_what_lacks_is_told_with_both_figures(
    hard: int, legs: int, short: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (hard, hard))
    told = descriptor_shortage(legs)
    assert bool(told) is short
    assert told is None or (str(hard) in told and str(descriptors_needed(legs)) in told)
