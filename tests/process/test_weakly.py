"""A part that calls its owner back does not keep it."""

from __future__ import annotations

import gc
import weakref

from translink.process.weakly import weakly


class Keeper:
    """Holds what it gave its method to, as owners do."""

    def __init__(self) -> None:
        self.heard: list[int] = []
        self.part = weakly(self.hear, -1)

    def hear(self, number: int, *, times: int = 1) -> int:
        self.heard.append(number)
        return number * times


def test_it_is_the_method_as_long_as_its_object_lives() -> None:
    owner = Keeper()
    assert owner.part(3, times=2) == 6
    assert owner.heard == [3]


def test_the_object_goes_with_its_last_reference_and_calls_are_answered_without_it() -> None:
    gc.disable()
    try:
        owner = Keeper()
        part, gone = owner.part, weakref.ref(owner)
        del owner
        assert gone() is None, "no collector was needed"
        assert part(3) == -1
    finally:
        gc.enable()
