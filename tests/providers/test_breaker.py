"""Breakers and chains under virtual time."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from translink.errors import Kind, ProviderError
from translink.providers.breaker import (
    Breaker,
    BreakerPolicy,
    Chain,
    Permit,
    State,
    Transition,
    Wait,
)


def error(kind: Kind, *, retry_after: float | None = None) -> ProviderError:
    return ProviderError(f"it was {kind.value}", provider="p", kind=kind, retry_after=retry_after)


TRANSIENT = error(Kind.TRANSIENT)
DENIED = error(Kind.DENIED)
BUSY = error(Kind.BUSY)
REFUSED = error(Kind.REFUSED)


def breaker(name: str = "p", **numbers: float) -> Breaker:
    return Breaker(name, policy=BreakerPolicy(**numbers), rng=Random(1))  # type: ignore[arg-type]


def opened(now: float = 0.0) -> Breaker:
    """A breaker that three failures opened at `now`."""
    broken = breaker()
    for _ in range(3):
        broken.failed(TRANSIENT, now)
    assert broken.state is State.OPEN
    return broken


def permit(breaker: Breaker, now: float) -> Permit:
    leave = breaker.acquire(now)
    assert isinstance(leave, Permit)
    return leave


def test_failures_in_a_row_open_it_and_a_success_between_does_not() -> None:
    health = breaker()
    health.failed(TRANSIENT, 0)
    health.failed(TRANSIENT, 0)
    health.succeeded(0)
    health.failed(TRANSIENT, 0)
    health.failed(TRANSIENT, 0)
    assert health.allow(0)
    health.failed(TRANSIENT, 0)
    assert health.state is State.OPEN
    assert not health.allow(0)


def test_failures_far_apart_are_no_row() -> None:
    health = breaker(window=30)
    for now in (0, 20, 40, 60):
        health.failed(TRANSIENT, now)
    assert health.state is State.CLOSED


def test_a_refused_key_opens_it_at_once_and_for_long() -> None:
    health = breaker()
    health.failed(DENIED, 100)
    assert health.state is State.OPEN
    assert 103 <= health.until <= 130


def test_a_refused_request_never_opens_it() -> None:
    health = breaker()
    for _ in range(100):
        health.failed(REFUSED, 0)
    assert health.state is State.CLOSED


def test_a_refused_request_is_a_sign_of_life() -> None:
    health = opened(0)
    probe = permit(health, 1)
    health.failed(REFUSED, 1, probe)
    assert health.state is State.CLOSED


def test_a_busy_provider_is_left_alone_for_as_long_as_it_asks() -> None:
    health = breaker()
    health.failed(error(Kind.BUSY, retry_after=7), 10)
    assert health.state is State.HELD
    assert health.acquire(16.9) == Wait(17)
    assert isinstance(health.acquire(17), Permit)
    assert isinstance(health.acquire(17), Permit), "well again: everybody, not a single probe"
    assert health.opened == 0


def test_several_who_hear_busy_make_one_hold_as_long_as_the_longest() -> None:
    health = breaker()
    health.failed(error(Kind.BUSY, retry_after=2), 0)
    health.failed(error(Kind.BUSY, retry_after=5), 1)
    health.failed(error(Kind.BUSY, retry_after=1), 1)
    assert health.until == 6


def test_an_answer_to_what_was_sent_before_ends_no_hold() -> None:
    health = breaker()
    early, latest, refused = (permit(health, 0) for _ in range(3))
    health.failed(error(Kind.BUSY, retry_after=7), 0.1, refused)
    health.succeeded(0.2, early)
    assert health.acquire(6) == Wait(7.1)
    health.succeeded(6, latest)
    assert isinstance(health.acquire(7.1), Permit)
    assert isinstance(health.acquire(7.1), Permit), "its time is over: everybody"


def test_a_provider_that_answers_between_its_holds_is_up() -> None:
    health = breaker()
    leaves = [permit(health, 0) for _ in range(2)]
    for now in (0, 2, 4):
        leave = leaves.pop()
        leaves = [permit(health, now) for _ in range(2)]
        health.failed(error(Kind.BUSY, retry_after=2), now, leave)
        health.succeeded(now + 0.1, leaves.pop())
    assert health.up(5)


def test_a_limit_of_requests_at_once_does_not_make_the_holds_longer_and_longer() -> None:
    """Refusals come at once and successes after a second, so always while it is held: each hold was twice as
    long as the one before, up to ten seconds, although the provider served five in each."""
    health = breaker()
    under_way: list[tuple[float, Permit, bool]] = []
    served = 0
    for tick in range(6_000):
        now = tick / 100
        for each in [each for each in under_way if each[0] <= now]:
            under_way.remove(each)
            _, leave, good = each
            if good:
                served += 1
                health.succeeded(now, leave)
            else:
                health.failed(BUSY, now, leave)
        while len(under_way) < 10 and isinstance(more := health.acquire(now), Permit):
            good = sum(taken for _, _, taken in under_way) < 5
            under_way.append((now + (1.0 if good else 0.05), more, good))
        assert health.up(now)
    assert served >= 120


def test_an_absurd_retry_after_is_capped() -> None:
    health = breaker(retry_after_cap=300)
    health.failed(error(Kind.BUSY, retry_after=1e9), 0)
    assert health.until == 300


def test_a_wait_longer_than_what_waits_can_wait_ends_with_one_probe() -> None:
    health = Breaker("p", policy=BreakerPolicy().within(60.0, denied=True), rng=Random(1))
    health.failed(error(Kind.BUSY, retry_after=3600), 0)
    assert health.acquire(19.9) == Wait(20)
    probe = permit(health, 20)
    assert isinstance(health.acquire(20), Wait), "it asked for longer: not everybody"
    health.failed(error(Kind.BUSY, retry_after=3580), 20.1, probe)
    assert health.acquire(40) == Wait(40.1)
    health.succeeded(40.2, permit(health, 40.1))
    assert isinstance(health.acquire(40.2), Permit)


def test_no_wait_is_longer_than_a_third_of_the_memory() -> None:
    policy = BreakerPolicy().within(6.0, denied=False)
    assert max(policy.cap, policy.busy_cap, policy.retry_after_cap) == 2.0
    assert policy.denied_cap == 300.0, "a key that is refused stays refused"
    policy = BreakerPolicy().within(60.0, denied=True)
    assert max(policy.denied_base, policy.denied_cap, policy.retry_after_cap) == 20.0
    assert policy.cap == 10.0


def test_who_has_to_wait_for_a_moment_is_up_and_for_longer_is_down() -> None:
    health = breaker()
    health.failed(error(Kind.BUSY, retry_after=2), 0)
    assert health.up(1)
    for now in (2, 4):
        health.failed(error(Kind.BUSY, retry_after=2), now, permit(health, now))
    assert not health.up(5), "busy since 5 s"
    health.succeeded(6, permit(health, 6))
    health.failed(error(Kind.BUSY, retry_after=10), 7)
    assert not health.up(7)
    assert health.up(17), "the next request is let through"
    assert not opened(0).up(0)


def test_a_handshake_is_no_success() -> None:
    health = breaker()
    for _ in range(3):
        leave = permit(health, 0)
        health.accepted(0)
        health.failed(TRANSIENT, 0, leave)
    assert health.state is State.OPEN
    probe = permit(health, 1)
    health.accepted(1)
    assert isinstance(health.acquire(1), Wait), "others wait until the probe has a result"
    health.succeeded(3, probe)
    assert isinstance(health.acquire(3), Permit)


def test_a_probe_that_answers_lets_a_few_dial_and_one_that_lives_everybody() -> None:
    health = opened(0)
    probe = permit(health, 1)
    health.answered(2, Permit("p"))
    assert isinstance(health.acquire(2), Wait), "that was one who had dialled before"
    health.answered(2, probe)
    few = [health.acquire(2) for _ in range(10)]
    assert [isinstance(leave, Permit) for leave in few] == [True] * 3 + [False] * 7
    health.succeeded(5, probe)
    assert isinstance(health.acquire(5), Permit)


def test_a_server_that_answers_and_breaks_off_is_left_alone_for_longer_each_time() -> None:
    health, now, waits = opened(0), 0.0, []
    for _ in range(5):
        now = health.until
        leaves = [permit(health, now)]
        health.answered(now, leaves[0])
        leaves += [permit(health, now) for _ in range(3)]
        for leave in leaves:
            health.failed(TRANSIENT, now, leave)
        waits.append(health.until - now)
    assert max(waits) > 2


def test_after_a_loss_an_answered_handshake_lets_everybody_dial_unless_one_has_failed() -> None:
    health = breaker()
    health.lost(10)
    leaves = [permit(health, 10) for _ in range(4)]
    assert isinstance(health.acquire(10), Wait)
    health.accepted(10.1)
    assert isinstance(health.acquire(10.1), Wait), "it may break off at once"
    assert isinstance(health.acquire(10.3), Permit)
    health.lost(11)
    health.failed(TRANSIENT, 11, leaves[0])
    for _ in range(4):
        health.acquire(11)
    health.accepted(11.1)
    assert isinstance(health.acquire(11.1), Wait)


def test_streams_that_one_event_breaks_before_they_are_proved_are_one_failure() -> None:
    """Two resets within four seconds, and a third."""
    health = breaker()
    health.lost(10)
    for now in (12, 14):
        leaves = [permit(health, now - 1.9) for _ in range(4)]
        health.accepted(now - 1.8)
        for leave in leaves:
            health.broke(TRANSIENT, now, leave)
        assert health.state is State.CLOSED
    assert [isinstance(health.acquire(14.1), Permit) for _ in range(6)] == [True] * 4 + [False] * 2
    waiting = health.acquire(14.1)
    assert isinstance(waiting, Wait)
    assert not waiting.careful, "no stream soon for the others"
    health.broke(TRANSIENT, 15, Permit("p", at=14.1))
    assert health.state is State.OPEN


def test_a_stream_dialled_before_the_others_broke_says_nothing_new() -> None:
    health = breaker()
    leaves = [permit(health, now) for now in (1, 2, 3)]
    for now, leave in zip((4, 5, 6), leaves, strict=True):
        health.broke(TRANSIENT, now, leave)
    for now in (7, 8):
        assert health.state is State.CLOSED
        health.broke(TRANSIENT, now, permit(health, now))
    assert health.state is State.OPEN


def test_while_a_provider_comes_back_each_stream_that_breaks_counts() -> None:
    health = opened(0)
    leaves = [permit(health, 1)]
    health.answered(1, leaves[0])
    leaves += [permit(health, 1) for _ in range(3)]
    for leave in leaves:
        health.broke(TRANSIENT, 2, leave)
    assert health.state is State.OPEN


def test_one_probe_and_no_other_until_its_outcome_is_known() -> None:
    health = opened(0)
    now = health.until
    probe = permit(health, now)
    assert health.state is State.HALF_OPEN
    for _ in range(50):
        assert isinstance(health.acquire(now + 0.01), Wait)
    health.succeeded(now + 0.2, probe)
    assert all(isinstance(health.acquire(now + 0.2), Permit) for _ in range(50))


def test_a_failed_probe_opens_it_again_for_longer() -> None:
    health = breaker(base=0.5, cap=10)
    longest = 0.0
    now = 0.0
    for _ in range(3):
        health.failed(TRANSIENT, now)
    for level in range(12):
        ceiling = min(0.5 * 2**level, 10)
        assert ceiling / 10 <= health.until - now <= ceiling
        longest = max(longest, health.until - now)
        now = health.until
        health.failed(TRANSIENT, now, permit(health, now))
    assert longest > 5


def test_trouble_lasts_from_the_first_opening_to_the_success_that_ends_it() -> None:
    health = breaker()
    health.failed(DENIED, 100)
    assert (health.kind, health.status, health.trouble_since) == (Kind.DENIED, DENIED.status, 100)
    now = health.until
    probe = permit(health, now)
    assert (health.kind, health.trouble_since) == (Kind.DENIED, 100), "while it is tried"
    health.failed(TRANSIENT, now, probe)
    assert (health.kind, health.trouble_since) == (Kind.TRANSIENT, 100)
    now = health.until
    health.succeeded(now, permit(health, now))
    assert (health.kind, health.status) == (None, None)


def test_failures_under_way_when_it_opened_neither_lengthen_nor_end_anything() -> None:
    health = opened(0)
    until = health.until
    early = Permit("p")
    health.failed(TRANSIENT, until / 2, early)
    assert health.until == until
    probe = permit(health, until)
    health.failed(TRANSIENT, until, early)
    health.failed(TRANSIENT, until)
    assert health.state is State.HALF_OPEN
    health.succeeded(until, probe)
    assert health.allow(until)


def test_a_refused_key_among_failures_is_not_forgotten() -> None:
    health = opened(0)
    health.failed(DENIED, 0.01, Permit("p"))
    assert health.until >= 3


def test_a_probe_given_up_leaves_its_place_to_the_next() -> None:
    health = opened(0)
    probe = permit(health, 1)
    assert not health.allow(1)
    health.abandoned(probe)
    successor = permit(health, 1)
    health.abandoned(probe)
    assert not health.allow(1), "the old probe has no say any more"
    health.succeeded(1, successor)
    assert health.state is State.CLOSED


def test_a_probe_nobody_speaks_of_blocks_for_a_while_only() -> None:
    health = opened(0)
    permit(health, 1)
    assert not health.allow(30.9)
    assert health.allow(31)


def test_waiting_for_a_probe_means_looking_again_soon() -> None:
    health = opened(0)
    permit(health, 1)
    assert health.acquire(2) == Wait(2.5)


def test_every_change_is_reported_with_its_reason() -> None:
    seen: list[Transition] = []
    health = Breaker("deepl", rng=Random(1), notify=seen.append)
    health.failed(error(Kind.DENIED), 5)
    health.succeeded(health.until + 1, permit(health, health.until))
    assert [(t.name, t.before, t.after) for t in seen] == [
        ("deepl", State.CLOSED, State.OPEN),
        ("deepl", State.OPEN, State.HALF_OPEN),
        ("deepl", State.HALF_OPEN, State.CLOSED),
    ]
    assert seen[0].reason == "it was denied"
    assert (seen[0].at, seen[0].until) == (5, seen[1].at)
    assert health.reason == "it works again"


def test_who_never_tells_how_it_went_holds_up_nobody_for_long() -> None:
    health = Breaker("x")
    health.lost(10.0)
    assert [isinstance(health.acquire(10.0), Permit) for _ in range(6)] == [True] * 4 + [False] * 2
    assert isinstance(health.acquire(15.0), Permit)


def test_the_first_success_after_a_loss_lets_everybody_dial() -> None:
    health = Breaker("x")
    health.lost(10.0)
    permits = [health.acquire(10.0) for _ in range(5)]
    waiting = permits[-1]
    assert isinstance(waiting, Wait)
    assert waiting.careful
    assert isinstance(permits[0], Permit)
    health.succeeded(10.1, permits[0])
    assert all(isinstance(health.acquire(10.1), Permit) for _ in range(50))


class Callers(RuleBasedStateMachine):
    """Many callers share one breaker; they report, cancel or forget in any order."""

    @initialize(seed=st.integers(0, 1000))
    def begin(self, seed: int) -> None:
        self.now = 0.0
        self.seen: list[Transition] = []
        self.health = Breaker("p", rng=Random(seed), notify=self.seen.append)
        self.out: list[Permit] = []
        self.probes: list[tuple[Permit, float]] = []

    @rule(seconds=st.floats(0, 20))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def lose(self) -> None:
        self.health.lost(self.now)

    @rule()
    def ask(self) -> None:
        allowed = self.health.allow(self.now)
        leave = self.health.acquire(self.now)
        assert isinstance(leave, Permit) == allowed
        if isinstance(leave, Wait):
            assert leave.at > self.now
            assert leave.at <= self.now + 300
            return
        self.out.append(leave)
        if leave.probe:
            self.probes = [(p, t) for p, t in self.probes if self.now - t < 30]
            assert self.probes == [], "two probes at once"
            self.probes.append((leave, self.now))

    @precondition(lambda self: self.out)
    @rule(data=st.data(), kind=st.sampled_from(Kind))
    def fail(self, data: st.DataObject, kind: Kind) -> None:
        leave = self.take(data)
        before = self.health.state
        self.health.failed(error(kind), self.now, leave)
        if kind is Kind.REFUSED:
            assert self.health.state in (before, State.CLOSED)
        if kind is Kind.DENIED and not (before is State.HALF_OPEN and not leave.probe):
            assert self.health.state in (State.OPEN, State.HALF_OPEN)

    @precondition(lambda self: self.out)
    @rule(data=st.data(), kind=st.sampled_from(Kind))
    def break_off(self, data: st.DataObject, kind: Kind) -> None:
        self.health.broke(error(kind), self.now, self.take(data))

    @precondition(lambda self: self.out)
    @rule(data=st.data())
    def succeed(self, data: st.DataObject) -> None:
        held = self.health.state is State.HELD
        self.health.succeeded(self.now, self.take(data))
        self.probes.clear()
        assert self.health.state is (State.HELD if held else State.CLOSED)

    @precondition(lambda self: self.out)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        self.health.abandoned(self.take(data))

    def take(self, data: st.DataObject) -> Permit:
        leave = self.out.pop(data.draw(st.integers(0, len(self.out) - 1)))
        self.probes = [(p, t) for p, t in self.probes if p is not leave]
        return leave

    @invariant()
    def transitions_are_a_chain(self) -> None:
        for earlier, later in zip(self.seen, self.seen[1:], strict=False):
            assert earlier.after is later.before
        if self.seen:
            assert self.seen[-1].after is self.health.state

    @invariant()
    def nobody_is_shut_out_for_ever(self) -> None:
        assert self.health.allow(self.now + 301)


TestCallers = Callers.TestCase
TestCallers.settings = settings(max_examples=80, stateful_step_count=40, deadline=None)


def chain() -> tuple[Chain, Breaker, Breaker]:
    first, second = breaker("first"), breaker("second")
    return Chain([first, second]), first, second


def chosen(leave: Permit | None) -> str | None:
    return leave.name if leave else None


def test_the_first_in_line_is_asked_while_it_is_well() -> None:
    line, _, _ = chain()
    assert line.names == ("first", "second")
    assert chosen(line.choose(0)) == "first"
    assert chosen(line.choose(0, tried={"first"})) == "second"
    assert line.choose(0, tried={"first", "second"}) is None
    assert line.earliest(0, tried={"first", "second"}) is None


def test_the_next_takes_over_and_the_first_comes_back_by_itself() -> None:
    line, first, _ = chain()
    leave = line.choose(0)
    assert leave
    line.failed(leave, DENIED, 0)
    assert chosen(line.choose(0.1)) == "second"
    later = first.until
    probe = line.choose(later)
    assert probe == Permit("first", 1)
    assert chosen(line.choose(later)) == "second", "only the probe goes to the first"
    line.succeeded(probe, later + 1)
    assert chosen(line.choose(later + 1)) == "first"


def test_a_chain_tells_when_somebody_can_be_asked_again() -> None:
    line, first, second = chain()
    first.failed(error(Kind.BUSY, retry_after=5), 0)
    second.failed(error(Kind.BUSY, retry_after=3), 0)
    assert line.choose(0) is None
    assert line.earliest(0) == 3
    assert line.earliest(0, tried={"second"}) == 5


def test_an_empty_chain_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="at least one"):
        Chain([])


def test_a_shortage_of_this_machine_is_no_failure_of_the_provider() -> None:
    health = breaker()
    for step in range(20):
        permit = health.acquire(float(step))
        assert isinstance(permit, Permit)
        health.failed(error(Kind.SHORTAGE), float(step), permit)
    assert health.state is State.CLOSED
    health = opened(0.0)
    probe = health.acquire(health.until)
    assert isinstance(probe, Permit)
    health.failed(error(Kind.SHORTAGE), health.until, probe)
    assert isinstance(health.acquire(health.until), Permit), "the next to ask is the probe"
