"""Times of a stream that hardly tells any."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from translink.providers.deepgram.stream_clock import MOST_FILLS, StreamClock, TurnTimes


def test_silence_that_was_put_between_is_taken_out_where_it_stands() -> None:
    clock = StreamClock()
    clock.audio(1000)
    clock.fill(300)
    clock.fill(200)
    clock.audio(1000)
    assert [clock.own(at) for at in (0, 999, 1000, 1250, 1500, 1501, 2500)] == [
        *(0, 999, 1000, 1000, 1000),
        *(1001, 2000),
    ]
    assert (clock.sent, clock.filled) == (2500, 500)


@given(st.lists(st.tuples(st.booleans(), st.integers(1, 500)), max_size=3 * MOST_FILLS))
def test_own_time_never_runs_backwards_and_ends_with_the_callers_audio(
    parts: list[tuple[bool, int]],
) -> None:
    clock = StreamClock()
    own = 0
    for filled, count in parts:
        (clock.fill if filled else clock.audio)(count)
        own += 0 if filled else count
    assert clock.own(clock.sent) == own
    newest = [clock.own(at) for at in range(max(0, clock.sent - 500), clock.sent + 1)]
    assert newest == sorted(newest)


def test_a_word_was_said_before_the_window_that_has_it() -> None:
    times = TurnTimes(0)
    times.see(0, 4_000)
    times.see(1, 8_000)
    times.see(3, 12_000)
    assert times.spans() == [(4_000, 8_000), (8_000, 10_000), (10_000, 12_000)]
    times.see(2, 16_000)
    times.see(3, 20_000)
    assert times.spans()[2] == (16_000, 20_000), "it was taken back, and another one came"
