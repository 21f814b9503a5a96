"""The pace: never faster than allowed over any stretch of time, never slower than it must be."""

from __future__ import annotations

from itertools import accumulate

from hypothesis import given
from hypothesis import strategies as st

from translink.providers.pace import PACE, SLACK, Pace
from translink.results import RATE

LONGEST = 1600
steps = st.lists(st.tuples(st.floats(0.0, 30.0), st.integers(1, LONGEST)), min_size=1, max_size=60)


@given(steps, st.data())
def test_no_stretch_of_time_sees_more_than_the_pace_allows(
    steps: list[tuple[float, int]], data: st.DataObject
) -> None:
    pace, now = Pace(0.0), 0.0
    sent: list[tuple[float, int]] = []
    for pause, samples in steps:
        now += pause
        now += pace.wait(now) * (1 + 1e-9) + 1e-9
        assert pace.wait(now) == 0.0, "after the whole wait one may send"
        pace.spend(samples)
        sent.append((now, samples))
    first = data.draw(st.integers(0, len(sent) - 1))
    last = data.draw(st.integers(first, len(sent) - 1))
    total = sum(samples for _, samples in sent[first : last + 1])
    seconds = sent[last][0] - sent[first][0]
    assert total <= RATE * (PACE * seconds + SLACK) + LONGEST + 1


@given(st.lists(st.integers(1, 5), min_size=1, max_size=100))
def test_real_time_never_waits(frames: list[int]) -> None:
    pace = Pace(0.0)
    for end, together in zip(accumulate(frames), frames, strict=True):
        assert pace.wait(end * 0.02) == 0.0
        pace.spend(320 * together)
