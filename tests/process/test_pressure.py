"""The ladder of what is given up: in order, quickly up, slowly down, never by fits."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from translink.process.pressure import (
    ADMISSION,
    HOLD_SECONDS,
    LATE_SECONDS,
    STEP_SECONDS,
    Level,
    LoadLimits,
    Pressure,
)

ORDER = [
    (Level.CALM, 1),
    (Level.SHED, 1),
    (Level.COALESCE, 2),
    (Level.COALESCE, 3),
    (Level.COALESCE, 5),
    (Level.REFUSE, 5),
]


class Machine:
    """A pressure and its virtual time."""

    def __init__(self, limits: LoadLimits | None = None) -> None:
        self.pressure = Pressure(limits)
        self.now = 1000.0
        self.seen: list[tuple[float, tuple[Level, int]]] = []

    def go_on(self, seconds: float, busy: float = 0.0, lag: float = 0.0) -> None:
        for _ in range(round(seconds / STEP_SECONDS)):
            self.now += STEP_SECONDS
            self.pressure.observe(self.now, lag, busy)
            self.seen.append((self.now, self.rung))

    @property
    def rung(self) -> tuple[Level, int]:
        return self.pressure.level, self.pressure.frames_per_message

    def rungs(self) -> list[tuple[Level, int]]:
        """As they followed each other."""
        seen = [rung for _, rung in self.seen]
        return [seen[0], *(b for a, b in pairwise(seen) if a != b)]


def test_an_idle_machine_gives_nothing_up() -> None:
    machine = Machine()
    machine.go_on(60, busy=0.3, lag=0.005)
    assert machine.rungs() == [(Level.CALM, 1)]


def test_a_full_machine_gives_up_captions_first_then_small_messages_then_new_calls() -> None:
    machine = Machine()
    machine.go_on(5, busy=1.0)
    assert machine.rungs() == ORDER


def test_a_full_machine_refuses_calls_within_two_seconds() -> None:
    machine = Machine()
    machine.go_on(2, busy=1.0)
    assert machine.pressure.level is Level.REFUSE


def test_a_loop_that_stays_late_is_as_bad_as_one_that_is_busy() -> None:
    machine = Machine()
    machine.go_on(5, lag=LATE_SECONDS)
    assert machine.rungs() == ORDER


def test_a_single_stall_is_forgiven() -> None:
    machine = Machine()
    machine.go_on(5, busy=0.2)
    machine.go_on(STEP_SECONDS, busy=0.2, lag=3.0)
    machine.go_on(5, busy=0.2)
    assert machine.rungs() == [(Level.CALM, 1)]


def test_ten_calls_that_begin_at_once_are_not_an_overload() -> None:
    machine = Machine()
    machine.go_on(5, busy=0.3)
    machine.go_on(0.4, busy=1.0)
    machine.go_on(5, busy=0.3)
    assert max(machine.rungs()) <= (Level.COALESCE, 2)


def test_after_a_stall_the_ladder_is_climbed_at_once() -> None:
    """A process that was late has no time to climb step by step."""
    pressure = Pressure()
    pressure.observe(10.0, 2.0, 1.0)
    pressure.observe(12.0, 2.0, 1.0)
    assert pressure.level is Level.REFUSE


def test_the_way_back_takes_a_while_for_each_rung() -> None:
    machine = Machine()
    machine.go_on(5, busy=1.0)
    machine.seen.clear()
    machine.go_on(60)
    assert machine.rungs() == ORDER[::-1]
    times = [b[0] for a, b in pairwise(machine.seen) if a[1] != b[1]]
    assert all(b - a >= HOLD_SECONDS - STEP_SECONDS / 2 for a, b in pairwise(times))


def test_what_coalescing_saves_does_not_undo_it() -> None:
    """Two frames a message cost a quarter less: the busy share falls below the threshold that was
    climbed, and yet there is no to and fro."""
    machine = Machine()
    cost = {1: 0.82, 2: 0.62, 3: 0.55, 5: 0.5}
    for _ in range(60):
        machine.go_on(1, busy=cost[machine.pressure.frames_per_message])
    assert machine.rungs() == [*ORDER[:3]]


@pytest.mark.parametrize("never", [LoadLimits(2, 2, 2), LoadLimits(0.5, 2, 2)])
def test_a_threshold_above_one_is_never_reached(never: LoadLimits) -> None:
    machine = Machine(never)
    machine.go_on(20, busy=1.0, lag=10.0)
    assert machine.pressure.level is (Level.SHED if never.shed < 1 else Level.CALM)
    assert machine.pressure.refuses(machine.now, 1000) is None


def test_calls_are_refused_on_the_top_rung_only() -> None:
    machine = Machine()
    while machine.pressure.level is not Level.REFUSE:
        assert machine.pressure.refuses(machine.now, 5) is None
        assert machine.pressure.unready(5) is None
        machine.go_on(STEP_SECONDS, busy=1.0)
    assert machine.pressure.refuses(machine.now, 5) == "overloaded"
    assert machine.pressure.unready(5) == "overloaded"


def test_after_an_overload_callers_come_back_one_by_one() -> None:
    machine = Machine()
    machine.go_on(5, busy=1.0)
    while machine.pressure.level is Level.REFUSE:
        machine.go_on(STEP_SECONDS)
    assert machine.pressure.refuses(machine.now, 5) is None
    machine.pressure.admitted(machine.now)
    assert machine.pressure.refuses(machine.now + ADMISSION / 2, 6) == "overloaded"
    assert machine.pressure.unready(6) is None
    assert machine.pressure.refuses(machine.now + ADMISSION, 6) is None


def test_a_calm_machine_takes_any_number_of_calls_at_once() -> None:
    pressure = Pressure()
    for calls in range(1000):
        assert pressure.refuses(1.0, calls) is None
        pressure.admitted(1.0)


def test_a_fixed_limit_of_calls_holds_on_a_calm_machine() -> None:
    pressure = Pressure(LoadLimits(max_calls=3))
    assert pressure.refuses(1.0, 2) is None
    assert pressure.refuses(1.0, 3) == "full"
    assert pressure.unready(2) is None
    assert pressure.unready(3) == "full"


Moment = st.tuples(st.floats(0, 0.5), st.floats(0, 1.2))
Steps = st.floats(0.1, 1.5)


@given(st.lists(st.tuples(Moment, Moment, Steps), max_size=120))
def test_more_strain_never_gives_less_up(
    moments: list[tuple[tuple[float, float], tuple[float, float], float]],
) -> None:
    light, heavy, now = Pressure(), Pressure(), 50.0
    for (lag, busy), (more_lag, more_busy), step in moments:
        now += step
        light.observe(now, lag, busy)
        heavy.observe(now, lag + more_lag, busy + more_busy)
        assert (heavy.level, heavy.frames_per_message) >= (light.level, light.frames_per_message)


@given(st.lists(st.tuples(Moment, Steps), max_size=200))
def test_no_two_steps_back_within_the_hold(
    moments: list[tuple[tuple[float, float], float]],
) -> None:
    pressure, now, left = Pressure(), 50.0, -HOLD_SECONDS
    for (lag, busy), step in moments:
        now += step
        before = ORDER.index((pressure.level, pressure.frames_per_message))
        pressure.observe(now, lag, busy)
        after = ORDER.index((pressure.level, pressure.frames_per_message))
        assert after >= before - 1
        if after < before:
            assert now - left >= HOLD_SECONDS
            left = now
        elif after > before:
            left = max(left, now)  # what was just climbed is held as long


@given(st.lists(st.tuples(Moment, Steps), max_size=100), st.floats(0, 1))
def test_from_anywhere_calm_comes_back(
    moments: list[tuple[tuple[float, float], float]], rest: float
) -> None:
    pressure, now = Pressure(), 50.0
    for (lag, busy), step in moments:
        now += step
        pressure.observe(now, lag, busy)
    for _ in range(round((len(ORDER) + 1) * (HOLD_SECONDS + 1) / STEP_SECONDS)):
        now += STEP_SECONDS
        pressure.observe(now, 0.04 * rest, 0.4 * rest)
    assert (pressure.level, pressure.frames_per_message) == ORDER[0]
