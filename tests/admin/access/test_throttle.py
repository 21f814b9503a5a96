"""Wrong tokens, in virtual time."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from translink.admin.access.throttle import (
    GUESS_SECONDS,
    GUESSES_AT_ONCE,
    MOST_ADDRESSES,
    OVERALL_BURST,
    OVERALL_EVERY,
    Throttle,
)

MALLORY = "192.0.2.66"
ALICE = "192.0.2.1"


def test_a_burst_is_allowed_then_one_every_so_often() -> None:
    throttle = Throttle()
    looked_at = 0
    for second in range(600):  # somebody who tries a thousand times a second
        for _ in range(1000):
            if throttle.wait(MALLORY, second) > 0:
                break
            throttle.failed(MALLORY, second)
            looked_at += 1
    assert looked_at <= GUESSES_AT_ONCE + 600 / GUESS_SECONDS
    assert looked_at >= 600 / GUESS_SECONDS - 1  # and they are not locked out for ever
    assert throttle.failed_tokens == looked_at
    assert throttle.throttled == 600


def test_a_client_that_waits_as_asked_is_looked_at_again() -> None:
    throttle = Throttle()
    for _ in range(GUESSES_AT_ONCE):
        assert throttle.wait(MALLORY, 5.0) == 0
        throttle.failed(MALLORY, 5.0)
    wait = throttle.wait(MALLORY, 5.0)
    assert 0 < wait <= GUESS_SECONDS
    assert throttle.wait(MALLORY, 5.0 + wait) == 0


def test_one_address_that_guesses_does_not_shut_out_another() -> None:
    throttle = Throttle()
    for _ in range(GUESSES_AT_ONCE):
        throttle.failed(MALLORY, 0.0)
    assert throttle.wait(MALLORY, 0.0) > 0
    assert throttle.wait(ALICE, 0.0) == 0


def test_a_right_token_buys_no_more_guesses() -> None:
    throttle = Throttle()
    for _ in range(GUESSES_AT_ONCE):
        throttle.failed(MALLORY, 0.0)
        throttle.succeeded(MALLORY)
    assert throttle.wait(MALLORY, 0.0) > 0


def test_all_together_guess_no_faster_than_the_budget_and_do_not_shut_out_who_is_known() -> None:
    throttle = Throttle()
    throttle.succeeded(ALICE)
    looked_at = 0
    for number in range(50_000):  # each from an address of its own, within a minute
        now = number * 60 / 50_000
        address = f"10.{number // 65536}.{number // 256 % 256}.{number % 256}"
        if throttle.wait(address, now) == 0:
            throttle.failed(address, now)
            looked_at += 1
    assert looked_at <= OVERALL_BURST + 60 / OVERALL_EVERY
    while throttle.wait("203.0.113.9", 60.0) == 0:
        throttle.failed("203.0.113.9", 60.0)
    assert throttle.wait("203.0.113.10", 60.0) > 0
    assert throttle.wait(ALICE, 60.0) == 0


def test_a_host_with_2_to_the_64_addresses_is_one() -> None:
    throttle = Throttle()
    for number in range(GUESSES_AT_ONCE):
        throttle.failed(f"2001:db8::{number:x}", 0.0)
    assert throttle.wait("2001:db8::ffff", 0.0) > 0
    assert throttle.wait("2001:db8:0:1::1", 0.0) == 0
    for _ in range(GUESSES_AT_ONCE):
        throttle.failed("::ffff:192.0.2.66", 0.0)
    assert throttle.wait(MALLORY, 0.0) > 0


@given(st.lists(st.tuples(st.integers(0, 3000), st.floats(0, 5)), max_size=300))
def test_what_is_remembered_is_bounded_and_debts_are_forgiven(
    attempts: list[tuple[int, float]],
) -> None:
    throttle = Throttle()
    now = 0.0
    for address, later in attempts:
        now += later
        throttle.failed(f"10.0.{address // 256}.{address % 256}", now)
        throttle.succeeded(f"10.0.{address // 256}.{address % 256}")
    assert len(throttle) <= 2 * MOST_ADDRESSES
    late = now + (GUESSES_AT_ONCE + len(attempts)) * max(GUESS_SECONDS, OVERALL_EVERY)
    assert throttle.wait(MALLORY, late) == 0


def test_more_addresses_than_places_push_the_oldest_out() -> None:
    throttle = Throttle()
    for number in range(3 * MOST_ADDRESSES):
        throttle.failed(f"10.1.{number // 256}.{number % 256}", 0.0)
        throttle.succeeded(f"10.1.{number // 256}.{number % 256}")
    assert len(throttle) == 2 * MOST_ADDRESSES
