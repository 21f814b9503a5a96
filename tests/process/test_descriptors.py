"""A shortage of descriptors is reported before a call lacks one."""

from __future__ import annotations

import resource

import pytest

from translink.errors import TranslinkError
from translink.process.descriptors import (
    LEAST_DESCRIPTORS,
    descriptor_shortage,
    descriptors_needed,
    refuse_few_descriptors,
)


@pytest.mark.parametrize(
    ("hard", "legs", "short"),
    [(64, 2, True), (325, 2, True), (326, 2, False), (resource.RLIM_INFINITY, 10_000, False)],
)
def test_a_shortage_is_reported_with_both_figures(
    hard: int, legs: int, short: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (hard, hard))
    shortage = descriptor_shortage(legs)
    assert bool(shortage) is short
    assert shortage is None or (str(hard) in shortage and str(descriptors_needed(legs)) in shortage)


def test_so_few_that_nothing_runs_are_refused_with_the_mend(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for hard in (resource.RLIM_INFINITY, LEAST_DESCRIPTORS):
        monkeypatch.setattr(resource, "getrlimit", lambda _, hard=hard: (hard, hard))
        refuse_few_descriptors()
    few = LEAST_DESCRIPTORS - 1
    monkeypatch.setattr(resource, "getrlimit", lambda _: (few, few))
    with pytest.raises(TranslinkError, match=rf"{few} descriptors.*ulimit -Hn"):
        refuse_few_descriptors()
