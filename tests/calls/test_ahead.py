"""What is asked ahead: kept, thrown away, paid for."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from translink.calls.ahead import GRANTED, MOST_AHEAD, MOST_CHARACTERS, Ahead, Foreseen
from translink.observe.record import Tally


@dataclass
class AskedAhead:
    foreseen: Foreseen
    failed: bool = False
    dropped: bool = False

    def drop(self) -> None:
        self.dropped = True


class AheadDesk:
    def __init__(self, share: float = 0.2) -> None:
        self.tally = Tally()
        self.asked: list[AskedAhead] = []
        self.ahead = Ahead[AskedAhead](share, self.tally)

    def expect(self, *foreseen: Foreseen) -> None:
        self.ahead.expect(foreseen, self._begin)

    def _begin(self, foreseen: Foreseen) -> AskedAhead:
        self.asked.append(AskedAhead(foreseen))
        return self.asked[-1]

    @property
    def counted(self) -> tuple[int, int, int]:
        return self.tally.ahead, self.tally.ahead_used, self.tally.ahead_wasted


def seen(text: str, context: str = "", target: str = "fr", voice: str | None = None) -> Foreseen:
    return Foreseen(text, "en", target, voice, context)


def test_the_same_guess_again_is_not_asked_again_and_is_given_to_its_segment() -> None:
    desk = AheadDesk()
    desk.expect(seen("one two"))
    desk.expect(seen("one two"))
    assert desk.ahead.take(seen("one two")) is desk.asked[0]
    assert len(desk.asked) == 1
    assert desk.counted == (7, 7, 0)
    assert not desk.asked[0].dropped


@pytest.mark.parametrize(
    "other",
    [
        seen("one too"),
        seen("one two", context="before"),
        seen("one two", target="de"),
        seen("one two", voice="loud"),
    ],
)
def test_whatever_is_not_the_very_same_gets_nothing(other: Foreseen) -> None:
    desk = AheadDesk()
    desk.expect(seen("one two"))
    assert desk.ahead.take(other) is None


def test_a_guess_that_is_not_made_again_is_thrown_away_at_once() -> None:
    desk = AheadDesk()
    desk.expect(seen("one two"))
    desk.expect(seen("one too"))
    assert [each.dropped for each in desk.asked] == [True, False]
    assert desk.counted == (14, 0, 7)
    desk.ahead.close()
    assert all(each.dropped for each in desk.asked)
    assert desk.counted == (14, 0, 14)


def test_a_few_are_ahead_at_most_and_none_that_is_long() -> None:
    desk = AheadDesk()
    desk.expect(*[seen(letter * 5) for letter in "abcde"])
    assert len(desk.asked) == MOST_AHEAD
    desk.expect(seen("x" * (MOST_CHARACTERS + 1)))
    assert len(desk.asked) == MOST_AHEAD


def test_when_the_budget_is_used_up_nothing_is_asked_until_more_was_said() -> None:
    desk = AheadDesk(share=0.2)
    for n in range(100):
        desk.expect(seen(f"{n:010}"))
    assert desk.tally.ahead == 0.2 * GRANTED
    desk.tally.characters += 50
    desk.expect(seen("another ten"[:10]))
    assert desk.tally.ahead == 0.2 * GRANTED + 10


def test_what_is_used_takes_nothing_from_the_budget() -> None:
    desk = AheadDesk(share=0.02)
    for n in range(100):
        desk.expect(seen(f"{n:010}"))
        assert desk.ahead.take(seen(f"{n:010}"))
    assert desk.counted == (1000, 1000, 0)


def test_one_that_failed_is_given_to_nobody_and_not_asked_again() -> None:
    desk = AheadDesk()
    desk.expect(seen("one"))
    desk.asked[0].failed = True
    desk.expect(seen("one"))
    assert desk.ahead.take(seen("one")) is None
    assert len(desk.asked) == 1


def test_without_a_share_nothing_is_ever_asked() -> None:
    desk = AheadDesk(share=0.0)
    assert not desk.ahead.wanted
    desk.expect(seen("one"))
    assert desk.asked == []
