"""How often one leg dials, alone and with forty-nine others behind one breaker."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from translink.errors import Kind, ProviderError
from translink.providers.backoff import Backoff
from translink.providers.breaker import Breaker, Permit, Wait

TRANSIENT = ProviderError("it was transient", provider="p", kind=Kind.TRANSIENT)


def test_fifty_legs_in_an_outage_of_eight_seconds_make_few_attempts() -> None:
    """The predecessor made 800 handshakes for two callers."""
    totals = []
    for seed in range(20):
        rng = Random(seed)
        health = Breaker("deepgram.listen", rng=rng)
        legs = [Backoff(rng=rng) for _ in range(50)]
        due = [leg.lost(0.0) for leg in legs]
        up = [False] * 50
        attempts = 0
        now = 0.0
        while not all(up) and now < 60:
            for i, leg in enumerate(legs):
                if up[i] or now < due[i]:
                    continue
                leave = health.acquire(now)
                if isinstance(leave, Wait):
                    due[i] = max(leave.at, now + 0.02) + rng.uniform(0, 0.1)
                    continue
                attempts += 1
                if now < 8.0:
                    health.failed(TRANSIENT, now, leave)
                    due[i] = leg.lost(now)
                else:
                    health.succeeded(now, leave)
                    up[i] = True
            now += 0.01
        assert all(up)
        totals.append(attempts)
    assert max(totals) <= 75, totals


@pytest.mark.parametrize("handshake", [0.02, 0.15, 0.5])
@pytest.mark.parametrize("outage", [0.0, 8.0])
def test_fifty_legs_that_lose_their_streams_at_once_dial_with_care(
    handshake: float, outage: float
) -> None:
    """Each attempt takes its time: without care, all have dialled before the third has failed."""
    for seed in range(10):
        rng = Random(seed)
        health = Breaker("deepgram.listen", rng=rng)
        legs = [Backoff(rng=rng) for _ in range(50)]
        due = []
        for leg in legs:
            health.lost(0.0)
            due.append(leg.lost(0.0))
        under_way: dict[int, tuple[float, Permit]] = {}
        up = [False] * 50
        attempts = steps = 0
        while not all(up):
            now = steps * 0.01
            assert now < outage + 12, "somebody waits for ever"
            for i, (done, permit) in tuple(under_way.items()):
                if now < done:
                    continue
                del under_way[i]
                if done - handshake < outage:
                    health.failed(TRANSIENT, now, permit)
                    due[i] = legs[i].lost(now)
                else:
                    health.succeeded(now, permit)
                    up[i] = True
            for i in range(50):
                if up[i] or i in under_way or now < due[i]:
                    continue
                leave = health.acquire(now)
                if isinstance(leave, Wait):
                    due[i] = leave.at + (rng.uniform(0, 0.1) if leave.careful else 0.0)
                else:
                    attempts += 1
                    under_way[i] = (now + handshake, leave)
            steps += 1
        assert attempts <= (50 if not outage else 100)
        if not outage:
            assert steps * 0.01 <= 0.5 + 2 * handshake


@given(st.integers(0, 10_000))
def test_a_leg_dials_again_soon_and_then_slower(seed: int) -> None:
    backoff = Backoff(rng=Random(seed))
    waits = [backoff.lost(10.0) - 10.0 for _ in range(40)]
    assert 0.05 <= waits[0] <= 0.1
    for n, wait in enumerate(waits[1:], 1):
        ceiling = min(0.1 * 2**n, 5.0)
        assert ceiling / 2 - 1e-9 <= wait <= ceiling + 1e-9


def test_a_connection_that_lived_makes_the_next_loss_the_first_again() -> None:
    backoff = Backoff(rng=Random(1), stable=3)
    for _ in range(8):
        backoff.lost(0)
    backoff.opened(10)
    assert backoff.lost(12.9) - 12.9 > 2, "it broke too soon to be called good"
    backoff.opened(20)
    assert backoff.lost(23) - 23 <= 0.1
